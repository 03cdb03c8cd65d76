import type { OutputOf } from "@chatelaine/contract/operations/operations";
import { PasswordInput, TextInput } from "@mantine/core";
import { IconCircleCheck, IconCircleX, IconClock } from "@tabler/icons-react";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { call } from "../api/call.ts";
import { useMay } from "../api/session.ts";
import { SubmitButton } from "../form/submit-button.tsx";
import { Trouble } from "../form/trouble.tsx";
import { useChange } from "../form/use-change.ts";
import { showDone, showTrouble } from "../notices/notices.ts";
import type { DataColumn } from "../table/column.ts";
import { DataTable } from "../table/data-table.tsx";
import { State } from "../table/state.tsx";
import { useNow, When } from "../time/instant.tsx";
import { SettingsCard, type SettingsEntry } from "./settings-card.tsx";

type Delivery = OutputOf<"webhook.deliveries">["entries"][number];

interface CardProps {
  readonly settings: SettingsEntry;
  readonly mayChange: boolean;
}

/** Where alerts are sent. The secret goes in and never comes out. */
export function WebhookCard({ settings, mayChange }: CardProps) {
  const hasSecret = settings.webhook_secret_set;
  const shownUrl = settings.webhook_url ?? "";
  return (
    <SettingsCard
      title="Webhook for alerts"
      words="Alerts are sent there as JSON, signed with HMAC by the secret. Empty: nowhere."
      settings={settings}
      hasSecret
      valuesOf={({ webhook_url }) => ({ webhook_url: webhook_url ?? "", webhook_secret: "" })}
      mayChange={mayChange}
      patchOf={({ webhook_url, webhook_secret }) => ({
        webhook_url: webhook_url.trim() || null,
        ...(webhook_secret !== "" && { webhook_secret }),
      })}
    >
      {(form) => (
        <>
          <TextInput
            label="Webhook address"
            description={
              shownUrl === "" ? undefined : "Only the host is shown. Type another address to replace it."
            }
            placeholder="https://alerts.example.org/chatelaine"
            type="url"
            spellCheck={false}
            {...form.getInputProps("webhook_url")}
          />
          <PasswordInput
            label="Secret"
            description={
              hasSecret
                ? "There is one. Type another to replace it."
                : "At least 16 characters; kept sealed, never shown."
            }
            autoComplete="off"
            visibilityToggleButtonProps={{ "aria-label": "Show secret", tabIndex: 0 }}
            {...form.getInputProps("webhook_secret")}
          />
        </>
      )}
    </SettingsCard>
  );
}

const DELIVERY_MS = 5_000;

/** What was sent lately, and a button that sends something now. */
export function Deliveries() {
  const now = useNow();
  const may = useMay();
  const queries = useQueryClient();
  const list = useQuery({
    queryKey: ["deliveries"],
    queryFn: ({ signal }) => call("webhook.deliveries", {}, { signal }),
    enabled: may("webhook.deliveries"),
    refetchInterval: ({ state }) =>
      state.data?.entries.some((one) => one.state === "waiting" || one.state === "sending")
        ? DELIVERY_MS
        : false,
  });
  const test = useChange({
    tried: "do",
    repeated: "Trying again may send a second test message.",
    run: (_: null, { signal }) => call("webhook.test", {}, { signal }),
    onDone: (delivery) => {
      void queries.invalidateQueries({ queryKey: ["deliveries"] });
      if (delivery.state === "delivered") showDone("The receiver took the test message.");
      else
        showTrouble(
          "The receiver did not take the test message",
          delivery.error ?? `It answered ${delivery.status}.`,
        );
    },
  });
  if (!may("webhook.deliveries")) return null;
  return (
    <section>
      <div className="section-head">
        <h2>Webhook deliveries</h2>
        {may("webhook.test") && (
          <SubmitButton
            variant="default"
            size="xs"
            isPending={test.isPending}
            onClick={() => test.send(null)}
          >
            Send Test
          </SubmitButton>
        )}
      </div>
      <Trouble change={test} />
      <DataTable
        label="Webhook deliveries"
        columns={deliveryColumns(now)}
        rows={list.data?.entries}
        idOf={(delivery) => delivery.id}
        nameOf={(delivery) => delivery.kind}
        state={
          list.data?.entries.length === 0 ? (
            <State title="Nothing was sent yet">
              <p>Set an address, then send a test.</p>
            </State>
          ) : undefined
        }
      />
    </section>
  );
}

const KINDS: Readonly<Record<Delivery["kind"], string>> = {
  "alerts.raised": "Alerts began",
  "alerts.cleared": "Alerts ended",
  test: "Test",
};
const STATES = {
  waiting: { word: "Waiting", tone: "still", Icon: IconClock },
  sending: { word: "Sending", tone: "still", Icon: IconClock },
  delivered: { word: "Delivered", tone: "good", Icon: IconCircleCheck },
  failed: { word: "Failed", tone: "bad", Icon: IconCircleX },
} as const;

function deliveryColumns(now: number): readonly DataColumn<Delivery>[] {
  return [
    { id: "kind", title: "What", isLead: true, cell: ({ kind }) => <strong>{KINDS[kind]}</strong> },
    {
      id: "state",
      title: "State",
      isMark: true,
      cell: ({ state }) => {
        const { word, tone, Icon } = STATES[state];
        return (
          <span className="status" data-tone={tone}>
            <Icon size={15} stroke={2} aria-hidden />
            {word}
          </span>
        );
      },
    },
    {
      id: "answer",
      title: "Answer",
      cell: ({ status, error }) => (
        <span className="cell-text" title={error ?? ""}>
          {error ?? status ?? "–"}
        </span>
      ),
    },
    { id: "attempts", title: "Attempts", cell: ({ attempts }) => attempts },
    { id: "at", title: "When", cell: ({ at }) => <When at={at} now={now} /> },
  ];
}
