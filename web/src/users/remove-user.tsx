import { Button, Checkbox, Group, Modal, Skeleton, Stack } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { call } from "../api/call.ts";
import { showDone, showProblem } from "../form/faults.ts";
import { leaveControl, useFocusBack } from "../form/use-focus-back.ts";
import type { User } from "./user-columns.tsx";

interface RemoveUserProps {
  readonly user: User;
  readonly onClose: () => void;
  readonly onDone: () => void;
}

const NAMED_MAX = 8;

/** A user's keys go too; they are named before. */
export function RemoveUser({ user, onClose, onDone }: RemoveUserProps) {
  useFocusBack();
  const queries = useQueryClient();
  const [isConfirmed, setConfirmed] = useState(false);
  const keys = useQuery({
    queryKey: ["keys", "of", user.username],
    queryFn: ({ signal }) =>
      call(
        "keys.list",
        { query: { username: [user.username], order: "-last_used_at", limit: NAMED_MAX } },
        { signal },
      ),
  });
  const remove = useMutation({
    mutationFn: () => call("users.remove", { name: user.username }),
    onSuccess: () => {
      void queries.invalidateQueries();
      showDone(`${user.username} is deleted.`);
      leaveControl();
      onDone();
    },
    onError: showProblem,
  });
  return (
    <Modal opened onClose={onClose} title="Delete User" withCloseButton={false} size={460}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (isConfirmed) remove.mutate();
        }}
      >
        <Stack gap="md">
          <p>
            Delete <strong>{user.username}</strong>? Open sessions end, and the keys are deleted too.
          </p>
          {keys.isPending && <Skeleton height={40} />}
          {keys.data && keys.data.total === 0 && <p className="muted">There are no keys.</p>}
          {keys.data && keys.data.total > 0 && (
            <div>
              <p>{keys.data.total === 1 ? "This key goes too:" : `These ${keys.data.total} keys go too:`}</p>
              <ul className="plain-list">
                {keys.data.entries.map(({ id, name }) => (
                  <li key={id} className="break">
                    {name}
                  </li>
                ))}
                {keys.data.total > NAMED_MAX && (
                  <li className="muted">and {keys.data.total - NAMED_MAX} more</li>
                )}
              </ul>
            </div>
          )}
          <Checkbox
            label="Confirm"
            data-autofocus
            checked={isConfirmed}
            onChange={(event) => setConfirmed(event.currentTarget.checked)}
          />
          <Group justify="flex-end" gap="sm">
            <Button variant="default" onClick={onClose}>
              Cancel
            </Button>
            <Button type="submit" color="bad" disabled={!isConfirmed} loading={remove.isPending}>
              Delete
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
