import { Button } from "@mantine/core";
import { useMay } from "../api/session.ts";
import type { KeyEntry } from "./key.ts";

interface BulkBarProps {
  readonly keys: readonly KeyEntry[];
  readonly onClear: () => void;
  readonly onRevoke: () => void;
  readonly onDelete: () => void;
}

/** What can be done to the ticked rows together. */
export function BulkBar({ keys, onClear, onRevoke, onDelete }: BulkBarProps) {
  const may = useMay();
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset is for a form
    <div className="bulk" role="group" aria-label="Selected keys">
      <span role="status">{keys.length === 1 ? "1 key selected" : `${keys.length} keys selected`}</span>
      {may("keys.revoke") && (
        <Button size="compact-sm" variant="default" onClick={onRevoke}>
          Revoke
        </Button>
      )}
      {may("keys.remove") && (
        <Button size="compact-sm" variant="default" c="var(--bad)" onClick={onDelete}>
          Delete
        </Button>
      )}
      <Button size="compact-sm" variant="subtle" aria-label="Clear selection" onClick={onClear}>
        Clear<span className="wide-only">&nbsp;selection</span>
      </Button>
    </div>
  );
}
