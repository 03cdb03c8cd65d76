import { Button, Menu } from "@mantine/core";
import { IconColumns3 } from "@tabler/icons-react";
import type { DataColumn } from "./column.ts";

interface ColumnsMenuProps {
  readonly columns: readonly Pick<DataColumn<unknown>, "id" | "title">[];
  readonly visible: readonly string[];
  readonly defaults: readonly string[];
  readonly onChange: (visible: readonly string[]) => void;
}

/** Which columns are shown. One always is. */
export function ColumnsMenu({ columns, visible, defaults, onChange }: ColumnsMenuProps) {
  const isAll = visible.length === columns.length;
  const isDefault = visible.length === defaults.length && defaults.every((id) => visible.includes(id));
  const inOrder = (ids: readonly string[]): string[] =>
    columns.map(({ id }) => id).filter((id) => ids.includes(id));
  const toggle = (id: string): void => {
    const next = visible.includes(id) ? visible.filter((one) => one !== id) : [...visible, id];
    if (next.length > 0) onChange(inOrder(next));
  };
  return (
    <Menu closeOnItemClick={false} width={220}>
      <Menu.Target>
        <Button
          variant="default"
          className="columns-button"
          leftSection={<IconColumns3 size={18} stroke={1.6} aria-hidden />}
        >
          <span className="columns-word">Columns</span>
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        {columns.map(({ id, title }) => (
          <Menu.CheckboxItem
            key={id}
            checked={visible.includes(id)}
            disabled={visible.length === 1 && visible.includes(id)}
            onChange={() => toggle(id)}
          >
            {title}
          </Menu.CheckboxItem>
        ))}
        <Menu.Divider />
        <Menu.Item onClick={() => onChange(isAll ? [columns[0]?.id ?? ""] : columns.map(({ id }) => id))}>
          {isAll ? "Unselect All" : "Select All"}
        </Menu.Item>
        <Menu.Item disabled={isDefault} onClick={() => onChange(inOrder(defaults))}>
          Reset to Defaults
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
