import { ActionIcon, Button } from "@mantine/core";
import { IconCheck, IconCopy } from "@tabler/icons-react";
import { useState } from "react";
import { copyText } from "./copy.ts";
import { showTrouble } from "./faults.ts";

interface CopyButtonProps {
  readonly text: string;
  readonly label: string;
  readonly onCopied?: () => void;
  /** The label is its name alone, not seen. */
  readonly isSmall?: boolean;
}

export function CopyButton({ text, label, onCopied, isSmall = false }: CopyButtonProps) {
  const [isDone, setDone] = useState(false);
  const copy = async (): Promise<void> => {
    if (!(await copyText(text)))
      return showTrouble("The browser refused to copy", "Select the text and copy it by hand.");
    setDone(true);
    onCopied?.();
    setTimeout(() => setDone(false), 2_000);
  };
  const icon = isDone ? <IconCheck size={15} aria-hidden /> : <IconCopy size={15} aria-hidden />;
  if (isSmall)
    return (
      <ActionIcon size={26} aria-label={isDone ? "Copied" : label} title={label} onClick={copy}>
        {icon}
      </ActionIcon>
    );
  return (
    <Button size="compact-sm" variant="default" leftSection={icon} onClick={copy}>
      {isDone ? "Copied" : label}
    </Button>
  );
}
