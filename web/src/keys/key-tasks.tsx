import { showDone } from "../notices/notices.ts";
import { EndKeys } from "./end-keys.tsx";
import { KeyDetails } from "./key-details.tsx";
import { KeyPanel } from "./key-panel.tsx";
import { isMade } from "./save-key.ts";
import { ShownKey } from "./shown-key.tsx";
import type { KeyTaskState } from "./use-key-task.ts";

interface KeyTasksProps {
  readonly tasks: KeyTaskState;
  readonly openId: number | undefined;
  readonly onCloseDetails: () => void;
  readonly onEnded: () => void;
}

/** Panels and dialogs of the list. Details stay open underneath what was started from them. */
export function KeyTasks({ tasks, openId, onCloseDetails, onEnded }: KeyTasksProps) {
  const { task, madeId, start, end, keepInView } = tasks;
  return (
    <>
      {openId !== undefined && <KeyDetails id={openId} onClose={onCloseDetails} onAction={tasks.act} />}
      {(task?.kind === "add" || task?.kind === "edit") && (
        <KeyPanel
          {...(task.kind === "edit" && { row: task.row, resets: task.resets })}
          onClose={end}
          onSaved={(saved) => {
            if (task.kind === "add") keepInView(saved.id);
            if (isMade(saved)) return start({ kind: "show", made: saved });
            showDone(`${saved.name} saved.`);
            end();
          }}
        />
      )}
      {task?.kind === "show" && <ShownKey made={task.made} onClose={end} />}
      {(task?.kind === "revoke" || task?.kind === "delete") && (
        <EndKeys
          how={task.kind}
          keys={task.keys}
          onClose={end}
          onDone={(ids) => {
            onEnded();
            if (task.kind === "delete" && madeId !== undefined && ids.includes(madeId)) keepInView(undefined);
            if (task.kind === "delete" && openId !== undefined && ids.includes(openId)) onCloseDetails();
          }}
        />
      )}
    </>
  );
}
