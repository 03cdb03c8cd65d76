import { REASON_CHARS_MAX } from "@chatelaine/contract/limits";
import { TextInput } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { call } from "../api/call.ts";
import { isOutcomeUnknown, problemOf, sayProblem } from "../api/problem.ts";
import { serverNow } from "../api/server-clock.ts";
import { EndDialog } from "../form/end-dialog.tsx";
import { sayNames } from "../form/say-names.ts";
import { type IdempotentRequest, useChange } from "../form/use-change.ts";
import { showDone, showTrouble } from "../notices/notices.ts";
import { type KeyEntry, statusOf } from "./key.ts";
import { isGone, LastUse, SeveralLastUses, useFreshKey, useFreshKeys, useIsTold } from "./what-stops.tsx";

interface EndKeysProps {
  readonly how: "delete" | "revoke";
  readonly keys: readonly KeyEntry[];
  readonly onClose: () => void;
  readonly onDone: (ids: readonly number[]) => void;
}

const AT_ONCE = 6;

/** Takes keys away for good, or until they are reset. */
export function EndKeys({ how, keys, onClose, onDone }: EndKeysProps) {
  const queries = useQueryClient();
  const [reason, setReason] = useState("");
  const isDelete = how === "delete";
  const [first] = keys;
  const one = useFreshKey(keys.length === 1 ? first?.id : undefined);
  const only = keys.length === 1 ? (one.data ?? first) : undefined;
  const several = useFreshKeys({ ids: keys.map(({ id }) => id) }, only === undefined);
  const isTold = useIsTold(only ? one : several);
  const end = useChange({
    tried: "do",
    run: (because: string, { idempotencyKey, signal }) =>
      endAll(only ? [only] : keys, (key) => {
        const once = { idempotencyKey: `${idempotencyKey}-${key.id}`, signal };
        return endOne({ how, key, reason: because, once });
      }),
    onDone: ({ ended, failed }) => {
      void queries.invalidateQueries({ queryKey: ["keys"] });
      void queries.invalidateQueries({ queryKey: ["key"] });
      if (ended.length > 0) showDone(sayEnded(how, ended));
      if (failed.length > 0) showFailed(how, failed);
      onDone(ended.map(({ id }) => id));
      onClose();
    },
  });
  // What is under way here is nothing that somebody else has done.
  const wasGone = only !== undefined && isGone(one) && !end.isPending;
  const wasRevoked = !isDelete && one.data?.revoked === true && !end.isPending;
  const verb = isDelete ? "Delete" : "Revoke";
  return (
    <EndDialog
      title={`${verb} API Key${only ? "" : "s"}`}
      verb={verb}
      change={end}
      isTold={isTold}
      isImpossible={wasGone || wasRevoked}
      isDirty={reason !== ""}
      onClose={onClose}
      onConfirm={() => end.send(reason.trim())}
      fields={
        isDelete ? undefined : (
          <TextInput
            label="Reason"
            description="Optional. Visible to anyone who can view this key."
            maxLength={REASON_CHARS_MAX}
            value={reason}
            data-autofocus
            onChange={(event) => setReason(event.currentTarget.value)}
          />
        )
      }
    >
      {sayWhat({ verb, only, keys, isDelete, isUnderWay: end.isPending })}
      {wasGone && <p>This key no longer exists. It may have been deleted.</p>}
      {wasRevoked && <p>This key is revoked already.</p>}
      {!wasGone &&
        !wasRevoked &&
        (only ? <LastUse query={one} /> : <SeveralLastUses query={several} withOwner />)}
    </EndDialog>
  );
}

interface What {
  readonly verb: string;
  readonly only: KeyEntry | undefined;
  readonly keys: readonly KeyEntry[];
  readonly isDelete: boolean;
  /** What stops now is stopped by this. */
  readonly isUnderWay: boolean;
}

function sayWhat({ verb, only, keys, isDelete, isUnderWay }: What): ReactNode {
  const works = (key: KeyEntry): boolean =>
    isUnderWay || ["active", "expires_soon"].includes(statusOf(key, serverNow()));
  const after = isDelete ? " This cannot be undone." : " Only a reset can bring it back.";
  if (only)
    return (
      <p>
        {verb} <strong className="break">{only.name}</strong>, owned by <strong>{only.username}</strong>?{" "}
        {works(only) ? "It stops working immediately." : "It does not work now."}
        {after}
      </p>
    );
  return (
    <p>
      {verb} <strong>{keys.length} keys</strong>? {sayStop(keys.filter(works).length, keys.length)}
      {isDelete ? after : " Only a reset can bring them back."}
    </p>
  );
}

function sayStop(working: number, all: number): string {
  if (working === 0) return "None of them works now.";
  return `${working === all ? "They" : "Those that work"} stop working immediately.`;
}

interface Outcome {
  readonly ended: readonly KeyEntry[];
  readonly failed: readonly { readonly key: KeyEntry; readonly error: unknown }[];
}

/** A few at once; one that fails does not hold up the others. Where it is not known of one, all are to be asked for again. */
async function endAll(
  keys: readonly KeyEntry[],
  endKey: (key: KeyEntry) => Promise<unknown>,
): Promise<Outcome> {
  const ended: KeyEntry[] = [];
  const failed: { key: KeyEntry; error: unknown }[] = [];
  for (let at = 0; at < keys.length; at += AT_ONCE) {
    await Promise.all(
      keys.slice(at, at + AT_ONCE).map((key) =>
        endKey(key).then(
          () => ended.push(key),
          (error: unknown) => failed.push({ key, error }),
        ),
      ),
    );
    const unknown = failed.find(({ error }) => isOutcomeUnknown(error));
    if (unknown) throw unknown.error;
  }
  if (ended.length === 0 && failed[0]) throw failed[0].error;
  return { ended, failed };
}

interface Ending {
  readonly how: EndKeysProps["how"];
  readonly key: KeyEntry;
  readonly reason: string;
  readonly once: IdempotentRequest;
}

async function endOne({ how, key, reason, once }: Ending): Promise<unknown> {
  try {
    if (how === "delete") return await call("keys.remove", { id: key.id }, { signal: once.signal });
    const body = reason === "" ? {} : { reason };
    return await call("keys.revoke", { id: key.id, body }, once);
  } catch (error) {
    if (!(await isSoAlready(error, { how, key, once }))) throw error;
  }
}

/** Whether somebody else has deleted it meanwhile, or revoked it: it is as it should be. */
async function isSoAlready(error: unknown, { how, key, once }: Omit<Ending, "reason">): Promise<boolean> {
  const { code } = problemOf(error);
  if (code === "not_found") return true;
  if (how === "delete" || code !== "conflict") return false;
  return (await call("keys.get", { id: key.id }, { signal: once.signal })).revoked;
}

function sayEnded(how: EndKeysProps["how"], ended: readonly KeyEntry[]): string {
  const verb = how === "delete" ? "deleted" : "revoked";
  return ended.length === 1 ? `${ended[0]?.name} ${verb}.` : `${ended.length} keys ${verb}.`;
}

/** Which of several are as they were, and why the first of them is. */
function showFailed(how: EndKeysProps["how"], failed: Outcome["failed"]): void {
  const verb = how === "delete" ? "deleted" : "revoked";
  const which = sayNames(failed.map(({ key }) => key.name));
  const { title, words } = sayProblem(failed[0]?.error, "do");
  showTrouble(
    failed.length === 1 ? `1 key was not ${verb}` : `${failed.length} keys were not ${verb}`,
    `${which}. ${title}. ${words}`,
  );
}
