import { NativeSelect } from "@mantine/core";
import { Note } from "../frame/note.tsx";
import { SettingsCard, type SettingsEntry } from "./settings-card.tsx";

type Rule = SettingsEntry["insecure_transport_dialect"];

interface Choice {
  readonly value: Rule;
  readonly label: string;
  readonly words: string;
}

const RULES: readonly Choice[] = [
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
const DIALECT_RULES: readonly Choice[] = [
  {
    value: "close",
    label: "Refuse the connection",
    words:
      "A WebSocket in clear text is not opened, so no key is sent on it. An alert says which program tried.",
  },
  ...RULES,
];
const choices = (rules: readonly Choice[]) => rules.map(({ value, label }) => ({ value, label }));
const ORDER: ("label" | "input" | "description" | "error")[] = ["label", "input", "description", "error"];

interface CardProps {
  readonly settings: SettingsEntry;
  readonly mayChange: boolean;
}

export function TransportCard({ settings, mayChange }: CardProps) {
  const words = (rule: Rule): string | undefined => DIALECT_RULES.find(({ value }) => value === rule)?.words;
  return (
    <SettingsCard
      title="Keys over plain http"
      words="What happens when a valid key is sent over a connection that others can read on its way. Connections on the machine itself are not affected. Where a proxy does not say how its client connected, keys are refused but not revoked, except with “Allow”."
      settings={settings}
      valuesOf={({ insecure_transport, insecure_transport_dialect }) => ({
        insecure_transport,
        insecure_transport_dialect,
      })}
      mayChange={mayChange}
      patchOf={(values) => values}
    >
      {(form) => (
        <>
          <NativeSelect
            label="REST API and checks"
            description={words(form.values.insecure_transport)}
            inputWrapperOrder={ORDER}
            data={choices(RULES)}
            {...form.getInputProps("insecure_transport")}
          />
          <NativeSelect
            label="JSON-RPC API (TrueNAS clients)"
            description={words(form.values.insecure_transport_dialect)}
            inputWrapperOrder={ORDER}
            data={choices(DIALECT_RULES)}
            {...form.getInputProps("insecure_transport_dialect")}
          />
          {Object.values(form.values).includes("allow") && (
            <Note tone="soon" title="Keys can be read on the way">
              With “Allow”, whoever sees the traffic has the keys.
            </Note>
          )}
        </>
      )}
    </SettingsCard>
  );
}
