import { Button, Group, Modal, Stack } from "@mantine/core";
import { Mark } from "./mark.tsx";
import { VERSION } from "./version.ts";

export function About({ opened, onClose }: { readonly opened: boolean; readonly onClose: () => void }) {
  return (
    <Modal opened={opened} onClose={onClose} title="About Chatelaine" withCloseButton={false} size="sm">
      <Stack gap="md">
        <Group gap="md" wrap="nowrap">
          <span className="about-mark">
            <Mark size={44} />
          </span>
          <div>
            <p>
              <strong>Chatelaine {VERSION}</strong>
            </p>
            <p className="muted">Issues, checks and revokes user-linked API keys.</p>
          </div>
        </Group>
        <dl className="facts">
          <dt>Version</dt>
          <dd>{VERSION}</dd>
          <dt>License</dt>
          <dd>Apache License 2.0</dd>
          <dt>Documentation</dt>
          <dd>
            <a href="/api/docs" target="_blank" rel="noreferrer">
              API documentation of this version
            </a>
          </dd>
        </dl>
        <Group justify="flex-end">
          <Button onClick={onClose}>Close</Button>
        </Group>
      </Stack>
    </Modal>
  );
}
