import { NativeSelect } from "@mantine/core";
import { SettingsCard, type SettingsEntry } from "./settings-card.tsx";

const READERS: readonly {
  readonly value: SettingsEntry["docs"];
  readonly label: string;
  readonly words: string;
}[] = [
  {
    value: "open",
    label: "Everyone who reaches this server",
    words: "It holds no secret: whoever writes a client reads it without a key.",
  },
  {
    value: "signed_in",
    label: "Whoever is signed in",
    words: "In the browser, or with a key. Others learn no version and no operation from it.",
  },
];

interface CardProps {
  readonly settings: SettingsEntry;
  readonly mayChange: boolean;
}

/** Who may read the built-in documentation. */
export function DocsCard({ settings, mayChange }: CardProps) {
  return (
    <SettingsCard
      title="Documentation"
      words={
        <>
          The <a href="/api/docs">API documentation</a> of this server, with the OpenAPI and OpenRPC
          documents.
        </>
      }
      settings={settings}
      valuesOf={({ docs }) => ({ docs })}
      mayChange={mayChange}
      patchOf={(values) => values}
    >
      {(form) => (
        <NativeSelect
          label="Who may read it"
          description={READERS.find(({ value }) => value === form.values.docs)?.words}
          inputWrapperOrder={["label", "input", "description", "error"]}
          data={READERS.map(({ value, label }) => ({ value, label }))}
          {...form.getInputProps("docs")}
        />
      )}
    </SettingsCard>
  );
}
