import { ActionIcon, Button } from "@mantine/core";
import { IconCheck, IconCopy, IconX } from "@tabler/icons-react";
import { useState } from "react";
import { copyText } from "./copy.ts";

const TOLD_MS = 2_000;
const REFUSED_MS = 10_000;
const ICONS = {
  none: <IconCopy size={15} aria-hidden />,
  copied: <IconCheck size={15} aria-hidden />,
  refused: <IconX size={15} aria-hidden />,
} as const;
/** Where it was pressed, because a notice elsewhere is not seen there. */
const WORDS = { copied: "Copied", refused: "Copying refused: select the text" } as const;

interface CopyButtonProps {
  readonly text: string;
  readonly label: string;
  readonly onCopied?: () => void;
  /** The label is its name alone, not seen. */
  readonly isSmall?: boolean;
}

export function CopyButton({ text, label, onCopied, isSmall = false }: CopyButtonProps) {
  const [outcome, setOutcome] = useState<"copied" | "refused">();
  const copy = async (): Promise<void> => {
    const isCopied = await copyText(text);
    setOutcome(isCopied ? "copied" : "refused");
    if (isCopied) onCopied?.();
    setTimeout(() => setOutcome(undefined), isCopied ? TOLD_MS : REFUSED_MS);
  };
  const icon = ICONS[outcome ?? "none"];
  const words = outcome === undefined ? label : WORDS[outcome];
  if (isSmall)
    return (
      <ActionIcon size={26} aria-label={words} title={words} onClick={copy}>
        {icon}
      </ActionIcon>
    );
  return (
    <Button size="compact-sm" variant="default" leftSection={icon} onClick={copy}>
      {words}
    </Button>
  );
}
