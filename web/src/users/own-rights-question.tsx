import { EndDialog } from "../form/end-dialog.tsx";
import type { ChangeState } from "../form/use-change.ts";
import { LastAdmin } from "./last-admin.tsx";

interface OwnRightsQuestionProps {
  readonly username: string;
  /** Whether the server has said that the change takes rights. */
  readonly isKnown: boolean;
  readonly isLast: boolean;
  readonly change: ChangeState;
  readonly onClose: () => void;
  readonly onConfirm: () => void;
}

/** Before somebody saves a change that takes rights from themself, or may do so. */
export function OwnRightsQuestion({ username, isKnown, isLast, ...rest }: OwnRightsQuestionProps) {
  return (
    <EndDialog
      title="Give up own rights"
      verb="Save"
      isTold
      isImpossible={isLast}
      ownName={username}
      ownLoss={isKnown ? "rights" : "unknown"}
      {...rest}
    >
      <p>
        {isKnown
          ? "With this change you can do less than now, and you have to sign in again."
          : "With this change you may be able to do less than now."}
      </p>
      {isLast && <LastAdmin />}
    </EndDialog>
  );
}
