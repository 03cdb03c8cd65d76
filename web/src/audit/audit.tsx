import { DAY_MS, parseInstant } from "@chatelaine/contract/instant";
import type { InputOf } from "@chatelaine/contract/operations/operations";
import { AUDIT_ORDERS } from "@chatelaine/contract/orders";
import { Button, Menu, NativeSelect } from "@mantine/core";
import { IconDownload, IconHistory } from "@tabler/icons-react";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useMemo } from "react";
import { call, exportAddress } from "../api/call.ts";
import { serverNow } from "../api/server-clock.ts";
import { useMay } from "../api/session.ts";
import { SearchBox } from "../form/search-box.tsx";
import { useTitle } from "../frame/title.ts";
import { knownOrder, readDays, readPage } from "../table/address.ts";
import { DataTable } from "../table/data-table.tsx";
import { Foot } from "../table/foot.tsx";
import { Pager, rowsOf } from "../table/pager.tsx";
import { FailedState, State } from "../table/state.tsx";
import { useNow } from "../time/instant.tsx";
import { auditColumns } from "./audit-columns.tsx";
import type { AuditEntry } from "./entry.ts";
import { EntryDetails } from "./entry-details.tsx";

const PAGE_SIZE = 50;
const DEFAULT_ORDER = "-at";
const SPANS = [
  { value: "", label: "All time" },
  { value: "1", label: "Last 24 hours" },
  { value: "7", label: "Last 7 days" },
  { value: "30", label: "Last 30 days" },
];
const EVENTS = [
  { value: "", label: "All events" },
  { value: "METHOD_CALL", label: "Changes" },
  { value: "AUTHENTICATION", label: "Sign-ins" },
  { value: "LOGOUT", label: "Sign-outs" },
];
const OUTCOMES = [
  { value: "", label: "All outcomes" },
  { value: "yes", label: "Succeeded" },
  { value: "no", label: "Refused" },
];
const KINDS = ["key", "user", "group", "settings", "session"] as const;

type Search = Readonly<Record<string, string | undefined>>;

/** What was done, by whom, from where. */
export function Audit() {
  useTitle("Audit");
  const now = useNow();
  const may = useMay();
  const search: Search = useSearch({ from: "/frame/audit" });
  const navigate = useNavigate({ from: "/audit" });
  const change = (part: Search, isCorrection = false): void =>
    void navigate({
      search: (before: Search) => ({
        ...before,
        ...("entry" in part || "page" in part ? {} : { page: undefined }),
        ...part,
      }),
      replace: "q" in part || isCorrection,
      resetScroll: false,
    });
  const page = readPage(search.page, PAGE_SIZE);
  const order = knownOrder(search.order, AUDIT_ORDERS) ?? DEFAULT_ORDER;
  const filters = filtersOf(search);
  const list = useQuery({
    queryKey: ["audit", "list", filters, order, page],
    queryFn: ({ signal }) =>
      call(
        "audit.list",
        { query: { ...filters, order, limit: PAGE_SIZE, offset: (page - 1) * PAGE_SIZE } },
        { signal },
      ),
    placeholderData: keepPreviousData,
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: opening is the same at every time
  const columns = useMemo(() => auditColumns(now, ({ id }) => change({ entry: id })), [now]);
  const total = list.isPlaceholderData ? undefined : list.data?.total;
  const rows = rowsOf(list.data);
  const isFiltered = Object.values(filters).some((value) => value !== undefined);
  return (
    <>
      <div className="screen-head">
        <h1>Audit</h1>
        {may("audit.export") && <Export filters={filters} />}
      </div>
      <div className="tool-bar">
        <SearchBox value={search.q ?? ""} onChange={(q) => change({ q: q || undefined })} />
        <Choice label="Event" data={EVENTS} value={search.event} onChange={(event) => change({ event })} />
        <Choice
          label="Outcome"
          data={OUTCOMES}
          value={search.success}
          onChange={(success) => change({ success })}
        />
        <Choice
          label="Time"
          data={
            search.since && !/^\d+$/.test(search.since)
              ? [...SPANS, { value: search.since, label: "Since an alert" }]
              : SPANS
          }
          value={search.since}
          onChange={(since) => change({ since })}
        />
        {isFiltered && (
          <Button
            variant="subtle"
            onClick={() =>
              change({
                q: undefined,
                event: undefined,
                success: undefined,
                since: undefined,
                kind: undefined,
                id: undefined,
                username: undefined,
              })
            }
          >
            Clear filters
          </Button>
        )}
      </div>
      <DataTable
        label="Audit"
        columns={columns}
        rows={rows}
        idOf={(entry) => entry.id}
        nameOf={(entry) => entry.description}
        order={order}
        onOrder={(next) => change({ order: next === DEFAULT_ORDER ? undefined : next })}
        onOpen={({ id }) => change({ entry: id })}
        isOld={list.isPlaceholderData}
        state={
          list.isError && !list.data ? (
            <FailedState error={list.error} onRetry={() => void list.refetch()} />
          ) : rows?.length === 0 ? (
            <State icon={<IconHistory size={40} stroke={1.3} aria-hidden />} title="Nothing is recorded here">
              <p>
                {isFiltered
                  ? "No entry fits these filters."
                  : "Every change and every sign-in will stand here."}
              </p>
            </State>
          ) : undefined
        }
      />
      <Foot>
        <Pager
          page={page}
          pageSize={PAGE_SIZE}
          total={total}
          noun={["entry", "entries"]}
          onPage={(next, isCorrection) =>
            change({ page: next === 1 ? undefined : String(next) }, isCorrection)
          }
        />
      </Foot>
      {search.entry !== undefined && (
        <EntryDetails
          id={search.entry}
          known={list.data?.entries.find(({ id }) => id === search.entry)}
          onClose={() => change({ entry: undefined })}
        />
      )}
    </>
  );
}

type Filters = Pick<
  NonNullable<InputOf<"audit.list", "query">>,
  "q" | "event" | "success" | "since" | "username" | "target_kind" | "target_id"
>;

/** Cut to the minute, so that one question is asked once. */
function filtersOf({ q, event, success, since, username, kind, id }: Search): Filters {
  const span = readDays(since);
  const from =
    span === undefined
      ? since
      : new Date(Math.floor(serverNow() / 60_000) * 60_000 - span * DAY_MS).toISOString();
  const known = EVENTS.find(({ value }) => value !== "" && value === event)?.value as
    | AuditEntry["event"]
    | undefined;
  return {
    q,
    event: known && [known],
    success: success === "yes" ? true : success === "no" ? false : undefined,
    since: from !== undefined && parseInstant(from) !== undefined ? from : undefined,
    username,
    target_kind: KINDS.find((one) => one === kind),
    target_id: id !== undefined && Number.isSafeInteger(Number(id)) ? Number(id) : undefined,
  };
}

interface ChoiceProps {
  readonly label: string;
  readonly data: { value: string; label: string }[];
  readonly value: string | undefined;
  readonly onChange: (value: string | undefined) => void;
}

function Choice({ label, data, value = "", onChange }: ChoiceProps) {
  return (
    <NativeSelect
      aria-label={label}
      data={data}
      value={value}
      onChange={(event) => onChange(event.currentTarget.value || undefined)}
    />
  );
}

/** The entries that the filters leave, as a file. */
function Export({ filters }: { readonly filters: Filters }) {
  const address = (format: string): string =>
    exportAddress({
      ...Object.fromEntries(
        Object.entries(filters).flatMap(([name, value]) =>
          value === undefined ? [] : [[name, String(value)]],
        ),
      ),
      format,
    });
  return (
    <Menu width={180}>
      <Menu.Target>
        <Button variant="default" leftSection={<IconDownload size={18} stroke={1.6} aria-hidden />}>
          Export
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item component="a" href={address("csv")} download="audit.csv">
          CSV, for spreadsheets
        </Menu.Item>
        <Menu.Item component="a" href={address("jsonl")} download="audit.jsonl">
          JSON Lines
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
