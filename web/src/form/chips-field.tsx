/**
 * Fields that words are typed into and chosen in. Enter takes the word, and never submits the form around: whoever presses it once too
 * often, or for a word that is not there, would save what is half filled in, or for somebody else.
 * Held for every such field by `web/test/accidents.test.ts`.
 */
import {
  MultiSelect,
  type MultiSelectProps,
  Select,
  type SelectProps,
  TagsInput,
  type TagsInputProps,
} from "@mantine/core";
import { type KeyboardEvent, useState } from "react";
import { useUnsaved } from "./held.ts";

type Pressed = KeyboardEvent<HTMLInputElement>;

/** A key that is pressed while a word is being composed belongs to the composing. */
function isEnter({ key, nativeEvent }: Pressed): boolean {
  return key === "Enter" && !nativeEvent.isComposing;
}

function keepEnter(event: Pressed): void {
  if (isEnter(event)) event.preventDefault();
}

/** With a word in it the field takes the press for itself, and wants it as it came. */
function keepEmptyEnter(event: Pressed): void {
  if (isEnter(event) && event.currentTarget.value.trim() === "") event.preventDefault();
}

/** Words that are typed, each a chip. One that is no chip yet is unsaved input too. */
export function ChipsField(props: TagsInputProps) {
  const [typed, setTyped] = useState("");
  useUnsaved(typed.trim() !== "", { isWord: true });
  return <TagsInput {...props} searchValue={typed} onSearchChange={setTyped} onKeyDown={keepEmptyEnter} />;
}

/** Words that are chosen, each a chip. The list itself scrolls, not a frame around it that no keyboard reaches. */
export function ChoicesField(props: MultiSelectProps) {
  return <MultiSelect {...props} withScrollArea={false} onKeyDown={keepEnter} />;
}

/** One word that is chosen. */
export function ChoiceField(props: SelectProps<string>) {
  return <Select {...props} withScrollArea={false} onKeyDown={keepEnter} />;
}
