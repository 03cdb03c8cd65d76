import { Button, Group, Modal, Stack } from "@mantine/core";
import { useBlocker } from "@tanstack/react-router";
import { type ReactNode, useState } from "react";
import { useFocusBack } from "./use-focus-back.ts";

/**
 * Asks before unsaved input is lost: by Esc, the cross, the backdrop, Cancel, a link or the browser's own buttons.
 * @returns `close` in the place of closing, the question to show, and whether it is shown: Esc belongs to it then
 */
export function useGuard(
  isDirty: boolean,
  onClose: () => void,
): { close: () => void; question: ReactNode; isAsking: boolean } {
  const [isAsking, setAsking] = useState(false);
  useFocusBack();
  const blocker = useBlocker({
    shouldBlockFn: ({ current, next }) => isDirty && current.pathname !== next.pathname,
    enableBeforeUnload: () => isDirty,
    withResolver: true,
  });
  const isBlocked = blocker.status === "blocked";
  const stay = (): void => {
    setAsking(false);
    blocker.reset?.();
  };
  const leave = (): void => {
    setAsking(false);
    blocker.proceed?.();
    onClose();
  };
  const isOpen = isAsking || isBlocked;
  // Mounted only when it is asked: the key that asked it must not answer it too.
  const question = isOpen && (
    <Modal opened onClose={stay} title="Unsaved changes" withCloseButton={false} size="sm" zIndex={300}>
      <Stack gap="md">
        <p>What you typed here is not saved.</p>
        <Group justify="flex-end" gap="sm">
          <Button variant="default" onClick={stay} data-autofocus>
            Keep editing
          </Button>
          <Button color="bad" onClick={leave}>
            Discard changes
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
  return { close: () => (isDirty ? setAsking(true) : onClose()), question, isAsking: isOpen };
}
