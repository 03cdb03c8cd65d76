import type { OutputOf } from "@chatelaine/contract/operations/operations";
import { Button, Group, NativeSelect, Skeleton, Stack } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { call } from "../api/call.ts";
import { useMay } from "../api/session.ts";
import { showDone, showFaults } from "../form/faults.ts";
import { Note } from "../frame/note.tsx";
import { useTitle } from "../frame/title.ts";
import { FailedState } from "../table/state.tsx";
import { Sessions } from "./sessions.tsx";

type Settings = OutputOf<"settings.get">;
type Rule = Settings["insecure_transport"];

const RULES: readonly { readonly value: Rule; readonly label: string; readonly words: string }[] = [
  {
    value: "refuse",
    label: "Refuse the request",
    words: "The key stays whole; answer and log say why. Treat it as known to others, and reset it.",
  },
  {
    value: "revoke",
    label: "Refuse, and revoke the key",
    words: "As TrueNAS does. One slip of a client takes the key away; its row says when, from where and why.",
  },
  {
    value: "allow",
    label: "Allow",
    words: "Only where the network itself is encrypted. Everybody on the way can read and use the key.",
  },
];

/** The server's own settings, and who is signed in. */
export function System() {
  useTitle("System");
  const may = useMay();
  const settings = useQuery({
    queryKey: ["settings"],
    queryFn: ({ signal }) => call("settings.get", {}, { signal }),
  });
  return (
    <>
      <div className="screen-head">
        <h1>System</h1>
      </div>
      <Stack gap="xl" className="sections">
        <section className="card">
          <h2>Keys over plain http</h2>
          <p className="muted">
            What happens when a right key comes over a connection that anybody on the way can read.
            Connections on the machine itself are not affected.
          </p>
          {settings.isPending && <Skeleton height={160} />}
          {settings.isError && !settings.data && (
            <FailedState error={settings.error} onRetry={() => void settings.refetch()} />
          )}
          {settings.data && <TransportRules settings={settings.data} mayChange={may("settings.update")} />}
        </section>
        <section className="card">
          <h2>Certificate</h2>
          <p className="muted">
            How other machines come to trust this server's https, or how it gets a certificate of yours.
          </p>
          <p>
            <a href="/certificate">Trust the local authority, or bring your own certificate</a>
          </p>
        </section>
        {may("sessions.list") && <Sessions />}
      </Stack>
    </>
  );
}

function TransportRules({
  settings,
  mayChange,
}: {
  readonly settings: Settings;
  readonly mayChange: boolean;
}) {
  const queries = useQueryClient();
  const form = useForm({ initialValues: settings });
  // biome-ignore lint/correctness/useExhaustiveDependencies: another's change is taken, one's own typing kept
  useEffect(() => {
    if (!form.isDirty()) form.setInitialValues(settings);
    if (!form.isDirty()) form.setValues(settings);
  }, [settings]);
  const save = useMutation({
    mutationFn: ({ insecure_transport, insecure_transport_dialect }: Settings) =>
      call("settings.update", { body: { insecure_transport, insecure_transport_dialect } }),
    onSuccess: (saved) => {
      queries.setQueryData(["settings"], saved);
      form.setInitialValues(saved);
      form.reset();
      showDone("The settings hold from now on.");
    },
    onError: (error) =>
      showFaults(error, form, {
        insecure_transport: "insecure_transport",
        insecure_transport_dialect: "insecure_transport_dialect",
      }),
  });
  const words = (rule: Rule): string | undefined => RULES.find(({ value }) => value === rule)?.words;
  const isOpen =
    form.values.insecure_transport === "allow" || form.values.insecure_transport_dialect === "allow";
  return (
    <form onSubmit={form.onSubmit((values) => save.mutate(values))}>
      <Stack gap="md">
        <NativeSelect
          label="REST API and checks"
          description={words(form.values.insecure_transport)}
          inputWrapperOrder={["label", "input", "description", "error"]}
          data={RULES.map(({ value, label }) => ({ value, label }))}
          disabled={!mayChange}
          {...form.getInputProps("insecure_transport")}
        />
        <NativeSelect
          label="JSON-RPC API (TrueNAS clients)"
          description={words(form.values.insecure_transport_dialect)}
          inputWrapperOrder={["label", "input", "description", "error"]}
          data={RULES.map(({ value, label }) => ({ value, label }))}
          disabled={!mayChange}
          {...form.getInputProps("insecure_transport_dialect")}
        />
        {isOpen && (
          <Note tone="soon" title="Keys can be read on the way">
            With “Allow”, whoever sees the traffic has the keys.
          </Note>
        )}
        {mayChange ? (
          <Group gap="sm">
            <Button type="submit" disabled={!form.isDirty()} loading={save.isPending}>
              Save
            </Button>
            {form.isDirty() && (
              <Button variant="default" onClick={() => form.reset()}>
                Undo changes
              </Button>
            )}
          </Group>
        ) : (
          <p className="muted">Only a full administrator changes these.</p>
        )}
      </Stack>
    </form>
  );
}
