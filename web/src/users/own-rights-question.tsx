import { EndDialog } from "../form/end-dialog.tsx";
import type { Change } from "../form/use-change.ts";
import { LastAdmin } from "./last-admin.tsx";

interface OwnRightsQuestionProps {
  readonly username: string;
  readonly isLast: boolean;
  readonly change: Pick<Change<never>, "isPending" | "trouble" | "again">;
  readonly onClose: () => void;
  readonly onConfirm: () => void;
}

/** Before somebody saves a change that takes rights from themself. */
export function OwnRightsQuestion({ username, isLast, ...rest }: OwnRightsQuestionProps) {
  return (
    <EndDialog
      title="Give up own rights"
      verb="Save"
      isTold
      isImpossible={isLast}
      ownName={username}
      ownLoss="rights"
      {...rest}
    >
      <p>With this change you can do less than now, and you have to sign in again.</p>
      {isLast && <LastAdmin />}
    </EndDialog>
  );
}
