import { TextInput } from "@mantine/core";
import { Note } from "../frame/note.tsx";

interface OwnNameProps {
  readonly name: string;
  /** What somebody does without afterwards: all of it, or a part. */
  readonly loss: "access" | "rights";
  readonly value: string;
  readonly onChange: (value: string) => void;
}

/** Nobody takes their own rights away by a slip: a name is not typed by accident. */
export function OwnName({ name, loss, value, onChange }: OwnNameProps) {
  return (
    <div>
      <Note tone="bad" title="This is you">
        {loss === "access"
          ? "You lose access as soon as this is done, and only somebody else can give it back."
          : "You lose these rights as soon as this is done, and only somebody else can give them back."}
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
