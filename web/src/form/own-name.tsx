import { TextInput } from "@mantine/core";
import { Note } from "../frame/note.tsx";

/** What somebody does without afterwards: all of it, or a part; or nobody knows whether any. */
export type OwnLoss = "access" | "rights" | "unknown";

const LOSSES: Readonly<Record<OwnLoss, { readonly title: string; readonly words: string }>> = {
  access: {
    title: "This is you",
    words: "You lose access as soon as this is done, and only somebody else can give it back.",
  },
  rights: {
    title: "This is you",
    words: "You lose these rights as soon as this is done, and only somebody else can give them back.",
  },
  unknown: {
    title: "You may lose rights of your own",
    words:
      "It is not known whether you do: the server did not answer. Only somebody else could give them back.",
  },
};

interface OwnNameProps {
  readonly name: string;
  readonly loss: OwnLoss;
  readonly value: string;
  readonly onChange: (value: string) => void;
}

/** Nobody takes their own rights away by a slip: a name is not typed by accident. */
export function OwnName({ name, loss, value, onChange }: OwnNameProps) {
  return (
    <div>
      <Note tone="bad" title={LOSSES[loss].title}>
        {LOSSES[loss].words}
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
