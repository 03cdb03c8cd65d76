import { Button } from "@mantine/core";
import { IconCloudOff, IconMoodEmpty } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { problemOf, sayProblem } from "../api/problem.ts";

interface StateProps {
  readonly icon?: ReactNode;
  readonly title: string;
  readonly children?: ReactNode;
}

/** In the place of rows: why there are none, and what to do about it. */
export function State({
  icon = <IconMoodEmpty size={40} stroke={1.3} aria-hidden />,
  title,
  children,
}: StateProps) {
  return (
    <div className="state">
      {icon}
      <h2>{title}</h2>
      {children}
    </div>
  );
}

/** What only others may see, is not there or cannot be asked for is not had by trying again. */
const FINAL: readonly string[] = ["role_missing", "forbidden", "not_found", "invalid"];

export function FailedState({ error, onRetry }: { readonly error: unknown; readonly onRetry: () => void }) {
  const { title, words } = sayProblem(error);
  const { code } = problemOf(error);
  return (
    <div role="alert">
      <State icon={<IconCloudOff size={40} stroke={1.3} aria-hidden />} title={title}>
        <p>{words}</p>
        {!FINAL.includes(code) && (
          <Button variant="default" onClick={onRetry}>
            Try again
          </Button>
        )}
      </State>
    </div>
  );
}
