import { Button, Checkbox, Modal, Group as Row, Stack } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { call } from "../api/call.ts";
import { showDone, showProblem } from "../form/faults.ts";
import { leaveControl, useFocusBack } from "../form/use-focus-back.ts";
import type { Group } from "./groups.tsx";

export function RemoveGroup({ group, onClose }: { readonly group: Group; readonly onClose: () => void }) {
  useFocusBack();
  const queries = useQueryClient();
  const [isConfirmed, setConfirmed] = useState(false);
  const remove = useMutation({
    mutationFn: () => call("groups.remove", { name: group.name }),
    onSuccess: () => {
      for (const name of ["groups", "users", "user"]) void queries.invalidateQueries({ queryKey: [name] });
      showDone(`${group.name} is deleted.`);
      leaveControl();
      onClose();
    },
    onError: showProblem,
  });
  const members = group.members.length;
  return (
    <Modal opened onClose={onClose} title="Delete Group" withCloseButton={false} size={460}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (isConfirmed) remove.mutate();
        }}
      >
        <Stack gap="md">
          <p>
            Delete <strong>{group.name}</strong>?{" "}
            {members === 0
              ? "It has no members."
              : `Its ${members === 1 ? "member loses" : `${members} members lose`} what it grants, and so do their keys.`}
          </p>
          <Checkbox
            label="Confirm"
            data-autofocus
            checked={isConfirmed}
            onChange={(event) => setConfirmed(event.currentTarget.checked)}
          />
          <Row justify="flex-end" gap="sm">
            <Button variant="default" onClick={onClose}>
              Cancel
            </Button>
            <Button type="submit" color="bad" disabled={!isConfirmed} loading={remove.isPending}>
              Delete
            </Button>
          </Row>
        </Stack>
      </form>
    </Modal>
  );
}
