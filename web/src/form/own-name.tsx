import { TextInput } from "@mantine/core";
import { Note } from "../frame/note.tsx";

interface OwnNameProps {
  readonly name: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
}

/** Nobody takes their own rights away by a slip: a name is not typed by accident. */
export function OwnName({ name, value, onChange }: OwnNameProps) {
  return (
    <div>
      <Note tone="bad" title="This is you">
        You lose access as soon as this is done, and only somebody else can give it back.
      </Note>
      <TextInput
        mt="md"
        label={`Type ${name} to go on`}
        autoComplete="off"
        autoCapitalize="none"
        spellCheck={false}
        value={value}
        onChange={(event) => onChange(event.currentTarget.value)}
      />
    </div>
  );
}
