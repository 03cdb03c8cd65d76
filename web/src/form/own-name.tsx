import { TextInput } from "@mantine/core";
import { Note } from "../frame/note.tsx";

/** What somebody does without afterwards, in words. */
export interface OwnLoss {
  readonly title: string;
  readonly words: string;
}

export const ALL_ACCESS_LOST: OwnLoss = {
  title: "This is you",
  words: "You lose access as soon as this is done, and only somebody else can give it back.",
};

export const UNKNOWN_LOSS: OwnLoss = {
  title: "You may lose rights of your own",
  words:
    "It is not known whether you do: the server did not answer. Only somebody else could give them back.",
};

/** Before all else that is said. */
export function OwnLossNote({ loss }: { readonly loss: OwnLoss }) {
  return (
    <Note tone="bad" title={loss.title}>
      {loss.words}
    </Note>
  );
}

interface OwnNameProps {
  readonly name: string;
  /** Nothing is filled in before it. */
  readonly isFirst: boolean;
  readonly value: string;
  readonly onChange: (value: string) => void;
}

/** Nobody takes their own rights away by a slip: a name is not typed by accident. */
export function OwnName({ name, isFirst, value, onChange }: OwnNameProps) {
  return (
    <TextInput
      label={`Type ${name} to go on`}
      data-autofocus={isFirst || undefined}
      autoComplete="off"
      autoCapitalize="none"
      spellCheck={false}
      value={value}
      onChange={(event) => onChange(event.currentTarget.value)}
    />
  );
}
