import { Button, type ButtonProps, Loader } from "@mantine/core";
import type { ReactNode } from "react";

interface SubmitButtonProps
  extends Pick<ButtonProps, "color" | "fullWidth" | "disabled" | "variant" | "size"> {
  readonly isPending: boolean;
  /** There is nothing to do now, and a press does nothing. */
  readonly isIdle?: boolean;
  /** Absent: it submits its form. */
  readonly onClick?: () => void;
  readonly children: ReactNode;
}

/**
 * Says that it works while a request runs, and keeps the focus: a button that is disabled under somebody's finger drops it to the top
 * of the page.
 */
export function SubmitButton({ isPending, isIdle = false, onClick, children, ...more }: SubmitButtonProps) {
  return (
    <Button
      type={onClick ? "button" : "submit"}
      aria-disabled={isPending || isIdle || undefined}
      aria-busy={isPending || undefined}
      leftSection={isPending ? <Loader size={15} color="currentColor" /> : undefined}
      onClick={isPending || isIdle ? undefined : onClick}
      {...more}
    >
      {children}
    </Button>
  );
}
