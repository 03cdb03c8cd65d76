/** Why requests with a right secret were refused: the caller was not told, the owner is. */
import { Button } from "@mantine/core";
import { useState } from "react";
import { CopyButton } from "../form/copy-button.tsx";
import { When } from "../time/instant.tsx";
import { type KeyUseEntry, sayOutcome } from "./use-buckets.ts";

const SHOWN_FIRST = 5;

interface RefusalsProps {
  readonly refusals: KeyUseEntry["refusals"];
  readonly now: number;
}

export function Refusals({ refusals, now }: RefusalsProps) {
  const [isAll, setAll] = useState(false);
  if (refusals.length === 0)
    return (
      <p className="muted">
        None. Refused requests with this key are listed here with the rule that refused them. Callers see only
        a decision number; search the list of keys for it.
      </p>
    );
  const shown = isAll ? refusals : refusals.slice(0, SHOWN_FIRST);
  return (
    <>
      <ul className="refusals">
        {shown.map(({ decision, at, reason, rule, address, host }) => (
          <li key={decision}>
            <strong>{sayOutcome(reason)}</strong>
            <p className="break">{rule}</p>
            <p className="muted small break">
              <When at={at} now={now} />
              {address !== null && ` from ${address}`}
              {host !== null && ` at ${host}`}
            </p>
            <p className="small refusal-decision">
              <span className="muted">Decision</span>
              <span className="refusal-number">
                <span className="mono break">{decision}</span>
                <CopyButton isSmall text={decision} label={`Copy decision ${decision}`} />
              </span>
            </p>
          </li>
        ))}
      </ul>
      {refusals.length > SHOWN_FIRST && (
        <Button size="compact-sm" variant="default" onClick={() => setAll(!isAll)}>
          {isAll ? `Show the last ${SHOWN_FIRST}` : `Show all ${refusals.length}`}
        </Button>
      )}
    </>
  );
}
