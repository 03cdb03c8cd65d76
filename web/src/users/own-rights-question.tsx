import { EndDialog } from "../form/end-dialog.tsx";
import type { ChangeState } from "../form/use-change.ts";
import { LastAdmin } from "./last-admin.tsx";
import { ownLossOf } from "./own-loss.ts";
import type { Lost } from "./self.ts";
import { StopsWithoutRole } from "./without-role.tsx";

interface OwnRightsQuestionProps {
  readonly username: string;
  /** undefined: the server has not said what the change takes. */
  readonly lost: Lost | undefined;
  readonly isLast: boolean;
  readonly change: ChangeState;
  readonly onClose: () => void;
  readonly onConfirm: () => void;
}

/** Before somebody saves a change that takes rights from themself, or may do so. */
export function OwnRightsQuestion({ username, lost, isLast, ...rest }: OwnRightsQuestionProps) {
  return (
    <EndDialog
      title="Give up own rights"
      verb="Save"
      isTold
      isImpossible={isLast}
      ownName={username}
      ownLoss={ownLossOf(lost)}
      {...rest}
    >
      {isLast ? (
        <LastAdmin />
      ) : (
        <div>
          <p>
            {lost ? "This change takes rights from yourself." : "This change may take rights from yourself."}
          </p>
          <StopsWithoutRole usernames={lost?.isAll ? [username] : []} label="Your keys that stop working" />
        </div>
      )}
    </EndDialog>
  );
}
