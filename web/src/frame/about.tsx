import { Button, Group, Stack } from "@mantine/core";
import { Dialog } from "../form/dialog.tsx";
import { Mark } from "./mark.tsx";
import { VERSION } from "./version.ts";

export function About({ onClose }: { readonly onClose: () => void }) {
  return (
    <Dialog title="About Chatelaine" size="sm" onClose={onClose}>
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
    </Dialog>
  );
}
