import { Button, Checkbox, Group, Modal, Stack, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { call } from "../api/call.ts";
import { problemOf } from "../api/problem.ts";
import { showDone, showProblem } from "../form/faults.ts";
import { leaveControl, useFocusBack } from "../form/use-focus-back.ts";
import { sayDistance, useNow } from "../time/instant.tsx";
import { type Key, sayLastUse } from "./key.ts";

interface EndKeysProps {
  readonly how: "delete" | "revoke";
  readonly keys: readonly Key[];
  readonly onClose: () => void;
  readonly onDone: (ids: readonly number[]) => void;
}

const AT_ONCE = 6;
const NAMED_MAX = 5;

/** Takes keys away for good, or until they are reset. Says what will stop, and wants a tick. */
export function EndKeys({ how, keys, onClose, onDone }: EndKeysProps) {
  useFocusBack();
  const now = useNow();
  const queries = useQueryClient();
  const [isConfirmed, setConfirmed] = useState(false);
  const [reason, setReason] = useState("");
  const isDelete = how === "delete";
  const one = keys.length === 1 ? keys[0] : undefined;
  const title = `${isDelete ? "Delete" : "Revoke"} API Key${one ? "" : "s"}`;
  const end = useMutation({
    mutationFn: () => endAll(keys, (key) => endOne(how, key, reason.trim())),
    onSuccess: ({ ended, failed }) => {
      void queries.invalidateQueries({ queryKey: ["keys"] });
      void queries.invalidateQueries({ queryKey: ["key"] });
      if (ended.length > 0) showDone(sayEnded(how, ended));
      if (failed.length > 0) showProblem(failed[0]?.error);
      if (isDelete && ended.length > 0) leaveControl();
      onDone(ended.map(({ id }) => id));
      onClose();
    },
    onError: showProblem,
  });
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (isConfirmed) end.mutate();
  };
  return (
    <Modal opened onClose={onClose} title={title} withCloseButton={false} size={460}>
      <form onSubmit={submit}>
        <Stack gap="md">
          {one ? (
            <>
              <p>
                {isDelete ? "Delete" : "Revoke"} <strong className="break">{one.name}</strong> of{" "}
                <strong>{one.username}</strong>? It stops working at once
                {isDelete ? " and cannot be brought back." : ", until it is reset."}
              </p>
              <p className="muted">{sayLastUse(one, (at) => sayDistance(at, now))}</p>
            </>
          ) : (
            <Several keys={keys} isDelete={isDelete} />
          )}
          {!isDelete && (
            <TextInput
              label="Reason"
              description="Shown to whoever may see the key. May be left empty."
              maxLength={500}
              value={reason}
              data-autofocus
              onChange={(event) => setReason(event.currentTarget.value)}
            />
          )}
          <Checkbox
            label="Confirm"
            checked={isConfirmed}
            data-autofocus={isDelete || undefined}
            onChange={(event) => setConfirmed(event.currentTarget.checked)}
          />
          <Group justify="flex-end" gap="sm">
            <Button variant="default" onClick={onClose}>
              Cancel
            </Button>
            <Button type="submit" color="bad" disabled={!isConfirmed} loading={end.isPending}>
              {isDelete ? "Delete" : "Revoke"}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}

function Several({ keys, isDelete }: { readonly keys: readonly Key[]; readonly isDelete: boolean }) {
  const used = keys.filter((key) => key.last_used_at !== null).length;
  return (
    <>
      <p>
        {isDelete ? "Delete" : "Revoke"} <strong>{keys.length} keys</strong>? They stop working at once
        {isDelete ? " and cannot be brought back." : ", until they are reset."}
      </p>
      <ul className="plain-list">
        {keys.slice(0, NAMED_MAX).map((key) => (
          <li key={key.id} className="break">
            <strong>{key.name}</strong> <span className="muted">of {key.username}</span>
          </li>
        ))}
        {keys.length > NAMED_MAX && <li className="muted">and {keys.length - NAMED_MAX} more</li>}
      </ul>
      <p className="muted">
        {used === 0 ? "None of them has ever been used." : `${used} of them have been used.`}
      </p>
    </>
  );
}

interface Outcome {
  readonly ended: readonly Key[];
  readonly failed: readonly { readonly key: Key; readonly error: unknown }[];
}

/** A few at once; one that fails does not hold up the others. */
async function endAll(keys: readonly Key[], endKey: (key: Key) => Promise<unknown>): Promise<Outcome> {
  const ended: Key[] = [];
  const failed: { key: Key; error: unknown }[] = [];
  for (let at = 0; at < keys.length; at += AT_ONCE) {
    await Promise.all(
      keys.slice(at, at + AT_ONCE).map((key) =>
        endKey(key).then(
          () => ended.push(key),
          (error: unknown) => failed.push({ key, error }),
        ),
      ),
    );
  }
  if (ended.length === 0 && failed[0]) throw failed[0].error;
  return { ended, failed };
}

async function endOne(how: EndKeysProps["how"], key: Key, reason: string): Promise<unknown> {
  if (how === "revoke") {
    if (key.revoked) return;
    return call("keys.revoke", { id: key.id, body: reason === "" ? {} : { reason } });
  }
  try {
    return await call("keys.remove", { id: key.id });
  } catch (error) {
    // Somebody else has deleted it meanwhile: it is as it should be.
    if (problemOf(error).code !== "not_found") throw error;
  }
}

function sayEnded(how: EndKeysProps["how"], ended: readonly Key[]): string {
  const verb = how === "delete" ? "deleted" : "revoked";
  return ended.length === 1 ? `${ended[0]?.name} is ${verb}.` : `${ended.length} keys are ${verb}.`;
}
