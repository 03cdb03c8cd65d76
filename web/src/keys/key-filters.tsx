import { Button, CloseButton, Menu, SegmentedControl } from "@mantine/core";
import { IconFilter } from "@tabler/icons-react";
import type { Me } from "../api/session.ts";
import { SearchBox } from "../form/search-box.tsx";
import { STATUS_WORDS } from "./key-status.tsx";
import { isFiltered, type KeysSearch, STATUSES, type Status, statusesOf } from "./keys-search.ts";

interface KeyFiltersProps {
  readonly search: KeysSearch;
  readonly me: Me;
  readonly onChange: (change: Partial<KeysSearch>) => void;
}

export function KeyFilters({ search, me, onChange }: KeyFiltersProps) {
  const seesAll = me.roles.includes("API_KEY_READ");
  return (
    <>
      <SearchBox
        placeholder="Search name, user, tag or description"
        value={search.q ?? ""}
        onChange={(q) => onChange({ q: q || undefined })}
      />
      {seesAll && (
        <SegmentedControl
          aria-label="Whose keys"
          data={[
            { value: "all", label: "All keys" },
            { value: "me", label: "My keys" },
          ]}
          value={search.owner === "me" || search.owner === me.user.username ? "me" : "all"}
          onChange={(value) => onChange({ owner: value === "me" ? "me" : undefined })}
        />
      )}
      <StatusFilter
        chosen={statusesOf(search.status)}
        onChange={(chosen) => onChange({ status: chosen.join(",") || undefined })}
      />
      <Chips search={search} me={me} onChange={onChange} />
    </>
  );
}

interface StatusFilterProps {
  readonly chosen: readonly Status[];
  readonly onChange: (chosen: Status[]) => void;
}

function StatusFilter({ chosen, onChange }: StatusFilterProps) {
  const toggle = (status: Status): void =>
    onChange(STATUSES.filter((one) => (one === status ? !chosen.includes(one) : chosen.includes(one))));
  const label = chosen.length === 1 && chosen[0] ? STATUS_WORDS[chosen[0]].word : `${chosen.length} statuses`;
  return (
    <Menu closeOnItemClick={false} width={200}>
      <Menu.Target>
        <Button
          variant="default"
          leftSection={<IconFilter size={17} stroke={1.7} aria-hidden />}
          data-active={chosen.length > 0 || undefined}
        >
          {chosen.length === 0 ? "Status" : `Status: ${label}`}
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        {STATUSES.map((status) => (
          <Menu.CheckboxItem key={status} checked={chosen.includes(status)} onChange={() => toggle(status)}>
            {STATUS_WORDS[status].word}
          </Menu.CheckboxItem>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}

/** Filters that came by a link, each with its way out. */
function Chips({ search, me, onChange }: KeyFiltersProps) {
  const { owner, tag, unused } = search;
  const isOther = owner !== undefined && owner !== "me" && owner !== me.user.username;
  return (
    <>
      {isOther && <Chip words={`User: ${owner}`} onRemove={() => onChange({ owner: undefined })} />}
      {tag !== undefined && <Chip words={`Tag: ${tag}`} onRemove={() => onChange({ tag: undefined })} />}
      {unused !== undefined && (
        <Chip words={`Not used in ${unused} days`} onRemove={() => onChange({ unused: undefined })} />
      )}
      {isFiltered(search) && (
        <Button
          variant="subtle"
          onClick={() =>
            onChange({ q: undefined, status: undefined, owner: undefined, tag: undefined, unused: undefined })
          }
        >
          Clear filters
        </Button>
      )}
    </>
  );
}

function Chip({ words, onRemove }: { readonly words: string; readonly onRemove: () => void }) {
  return (
    <span className="chip">
      <span>{words}</span>
      <CloseButton size="xs" aria-label={`Remove filter ${words}`} onClick={onRemove} />
    </span>
  );
}
