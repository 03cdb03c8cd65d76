import { SEARCH_CHARS_MAX } from "@chatelaine/contract/limits";
import { CloseButton, TextInput } from "@mantine/core";
import { IconSearch } from "@tabler/icons-react";
import { useEffect, useRef, useState } from "react";

interface SearchBoxProps {
  /** What is searched for now. */
  readonly value: string;
  readonly onChange: (text: string) => void;
  readonly placeholder?: string;
}

/** The first key is a question at once; those pressed close after another are one, when they end. */
const TYPING_MS = 40;

export function SearchBox({ value, onChange, placeholder = "Search" }: SearchBoxProps) {
  const [text, setText] = useState(value);
  const told = useRef(value);
  const typedAt = useRef(Number.NEGATIVE_INFINITY);
  const tell = useRef(onChange);
  tell.current = onChange;
  // Somebody else changed it (a link, the back button): an echo of what was told must not undo what was typed since.
  useEffect(() => {
    if (value === told.current) return;
    told.current = value;
    setText(value);
  }, [value]);
  useEffect(() => {
    const wanted = text.trim();
    const now = performance.now();
    const isAlone = now - typedAt.current > TYPING_MS;
    typedAt.current = now;
    if (wanted === told.current) return;
    const ask = (): void => {
      told.current = wanted;
      tell.current(wanted);
    };
    if (isAlone) return ask();
    const timer = setTimeout(ask, TYPING_MS);
    return () => clearTimeout(timer);
  }, [text]);
  return (
    <TextInput
      type="search"
      aria-label="Search"
      placeholder={placeholder}
      className="grow"
      maxLength={SEARCH_CHARS_MAX}
      leftSection={<IconSearch size={17} stroke={1.7} aria-hidden />}
      rightSection={
        text === "" ? null : <CloseButton size="sm" aria-label="Clear search" onClick={() => setText("")} />
      }
      value={text}
      onChange={(event) => setText(event.currentTarget.value)}
    />
  );
}
