import { Button } from "@mantine/core";
import type { ReactNode } from "react";
import { watchFoot } from "./foot.ts";
import { SubmitButton } from "./submit-button.tsx";
import { Trouble } from "./trouble.tsx";
import type { ChangeState } from "./use-change.ts";

interface PanelFootProps {
  readonly change: ChangeState;
  readonly onCancel: () => void;
  /** There is nothing to save any more. */
  readonly isFinal?: boolean;
  /** What has to be known before it is saved. */
  readonly children?: ReactNode;
}

/** Stays in view below a panel's form. What went wrong stands over the buttons, which keep their places. */
export function PanelFoot({ change, onCancel, isFinal = false, children }: PanelFootProps) {
  return (
    <div className="panel-foot" ref={watchFoot}>
      {children}
      <Trouble change={change} />
      <div className="panel-buttons">
        <Button variant="default" onClick={onCancel}>
          {isFinal ? "Close" : "Cancel"}
        </Button>
        {!isFinal && <SubmitButton isPending={change.isPending}>Save</SubmitButton>}
      </div>
    </div>
  );
}
