/** A dialog that takes something away: it says what, wants a tick, and waits until the server has said what will stop. */
import { Button, Checkbox, Group, Stack } from "@mantine/core";
import { type FormEvent, type ReactNode, useState } from "react";
import { Dialog } from "./dialog.tsx";
import { Fields } from "./fields.tsx";
import { watchFoot } from "./foot.ts";
import { ALL_ACCESS_LOST, type OwnLoss, OwnLossNote, OwnName } from "./own-name.tsx";
import { SubmitButton } from "./submit-button.tsx";
import { Trouble } from "./trouble.tsx";
import { useGuard } from "./unsaved.tsx";
import type { ChangeState } from "./use-change.ts";

interface EndDialogProps {
  readonly title: string;
  readonly verb: string;
  readonly children: ReactNode;
  /** Between what is said and the tick. */
  readonly fields?: ReactNode;
  readonly change: ChangeState;
  /** What will stop is told, or could not be learnt. */
  readonly isTold: boolean;
  /** It cannot be done: there is nothing to confirm. */
  readonly isImpossible?: boolean;
  /** Whoever does this to themself types their name. */
  readonly ownName?: string | undefined;
  readonly ownLoss?: OwnLoss;
  readonly isDirty?: boolean;
  readonly onClose: () => void;
  readonly onConfirm: () => void;
}

export function EndDialog(props: EndDialogProps) {
  const { title, verb, change, isTold, isImpossible = false, ownName, isDirty = false, onClose } = props;
  const [isConfirmed, setConfirmed] = useState(false);
  const [typed, setTyped] = useState("");
  const guard = useGuard({ change, isDirty, onClose });
  const isSure = isConfirmed && (ownName === undefined || typed === ownName);
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (isSure && isTold && !change.isPending) props.onConfirm();
  };
  return (
    <Dialog title={title} size={480} onClose={guard.close}>
      <form onSubmit={submit}>
        <Stack gap="md">
          {ownName !== undefined && !isImpossible && <OwnLossNote loss={props.ownLoss ?? ALL_ACCESS_LOST} />}
          {props.children}
          {!isImpossible && (
            <Fields change={change} gap="md">
              {props.fields}
              {ownName !== undefined && (
                <OwnName
                  name={ownName}
                  isFirst={props.fields === undefined}
                  value={typed}
                  onChange={setTyped}
                />
              )}
              <Checkbox
                label="Confirm"
                checked={isConfirmed}
                data-autofocus={(props.fields === undefined && ownName === undefined) || undefined}
                onChange={(event) => setConfirmed(event.currentTarget.checked)}
              />
            </Fields>
          )}
          <Trouble change={change} />
          <Group justify="flex-end" gap="sm" className="dialog-foot" ref={watchFoot}>
            <Button variant="default" onClick={guard.close} data-autofocus={isImpossible || undefined}>
              {isImpossible ? "Close" : "Cancel"}
            </Button>
            {!isImpossible && (
              <SubmitButton
                color="bad"
                disabled={!isSure}
                isPending={change.isPending || (isSure && !isTold)}
              >
                {verb}
              </SubmitButton>
            )}
          </Group>
        </Stack>
      </form>
      {guard.question}
    </Dialog>
  );
}
