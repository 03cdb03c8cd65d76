import { Button } from "@mantine/core";
import { IconBook, IconKey, IconPlus, IconSearchOff } from "@tabler/icons-react";
import { keepPreviousData, queryOptions, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useCallback, useMemo } from "react";
import { call } from "../api/call.ts";
import { useMay, useMe } from "../api/session.ts";
import { useTitle } from "../frame/title.ts";
import { part } from "../load/part.tsx";
import { ColumnsMenu } from "../table/columns-menu.tsx";
import { DataTable } from "../table/data-table.tsx";
import { Foot } from "../table/foot.tsx";
import { Pager, rowsOf } from "../table/pager.tsx";
import { FailedState, State } from "../table/state.tsx";
import { useColumns } from "../table/use-columns.ts";
import { useNow } from "../time/instant.tsx";
import { BulkBar } from "./bulk-bar.tsx";
import { type KeyEntry, mayEnd } from "./key.ts";
import { KeyActions } from "./key-actions.tsx";
import { DEFAULT_COLUMNS, keyColumns } from "./key-columns.tsx";
import { KeyFilters } from "./key-filters.tsx";
import { DEFAULT_ORDER, isFiltered, type KeysSearch, listQuery, PAGE_SIZE } from "./keys-search.ts";
import { useKeyTask } from "./use-key-task.ts";
import { useSelection } from "./use-selection.ts";
import { AGAIN_MS } from "./what-stops.tsx";

/** Panels and dialogs come when they are first wanted; the list does not wait for them. */
const KeyTasks = part(() => import("./key-tasks.tsx"), "KeyTasks");
if (typeof requestIdleCallback === "function") requestIdleCallback(() => void KeyTasks.preload());

/** User API Keys: the list, and all that is done to keys from it. */
export function Keys() {
  useTitle("User API Keys");
  const me = useMe();
  const may = useMay();
  const mayEndAny = may("keys.revoke") || may("keys.remove");
  const now = useNow();
  const search = useSearch({ from: "/frame/keys" });
  const change = useSearchChange();
  const open = useCallback((key: KeyEntry) => change({ key: key.id }), [change]);
  const columns = useMemo(() => keyColumns(now, open), [now, open]);
  const [visible, setVisible] = useColumns(
    "keys.columns",
    columns.map(({ id }) => id),
    DEFAULT_COLUMNS,
  );
  const { key: openId, ...question } = search;
  const queries = useQueryClient();
  const list = useQuery({
    ...listOf(question, me.user.username),
    placeholderData: keepPreviousData,
    // Use is no change that anybody is told of.
    refetchInterval: AGAIN_MS,
  });
  const foresee = (next: number): void =>
    void queries.prefetchQuery(listOf({ ...question, page: next }, me.user.username));
  const tasks = useKeyTask(change);
  const { page = 1, order = DEFAULT_ORDER } = search;
  const total = list.isPlaceholderData ? undefined : list.data?.total;
  const rows = useWithMade(rowsOf(list.data), tasks.madeId);
  const mayTick = useCallback((key: KeyEntry) => mayEnd(me, key), [me]);
  const selection = useSelection({ rows, question, mayTick });
  const { act } = tasks;
  const actions = useCallback(
    (key: KeyEntry) => <KeyActions row={key} mayEnd={mayEnd(me, key)} onAction={act} />,
    [me, act],
  );

  return (
    <>
      <div className="screen-head">
        <h1>User API Keys</h1>
        <div className="screen-head-end">
          <Button
            component="a"
            href="/api/docs"
            target="_blank"
            rel="noreferrer"
            variant="default"
            leftSection={<IconBook size={18} stroke={1.6} aria-hidden />}
          >
            API Docs
          </Button>
          {may("keys.create") && (
            <Button
              leftSection={<IconPlus size={18} stroke={2} aria-hidden />}
              onClick={() => tasks.start({ kind: "add" })}
            >
              Add
            </Button>
          )}
        </div>
      </div>
      <div className="tool-bar">
        <KeyFilters search={search} me={me} onChange={change} />
        <span className="end">
          <ColumnsMenu columns={columns} visible={visible} defaults={DEFAULT_COLUMNS} onChange={setVisible} />
        </span>
      </div>
      <DataTable
        label="User API Keys"
        columns={columns}
        visible={visible}
        rows={rows}
        idOf={(key) => String(key.id)}
        nameOf={(key) => key.name}
        order={order}
        onOrder={(next) => change({ order: next === DEFAULT_ORDER ? undefined : next })}
        onOpen={open}
        isOld={list.isPlaceholderData}
        markedId={tasks.madeId === undefined ? undefined : String(tasks.madeId)}
        selection={mayEndAny ? selection.forTable : undefined}
        actions={actions}
        state={stateOf(list, rows, search, () => change(CLEARED))}
      />
      <Foot>
        {selection.chosen.length > 0 ? (
          <BulkBar
            keys={selection.chosen}
            onClear={selection.clear}
            onRevoke={() => tasks.start({ kind: "revoke", keys: selection.chosen })}
            onDelete={() => tasks.start({ kind: "delete", keys: selection.chosen })}
          />
        ) : (
          <Pager
            page={page}
            pageSize={PAGE_SIZE}
            total={total}
            noun={["key", "keys"]}
            onPage={(next, isCorrection) => change({ page: next }, isCorrection ? "correction" : "same page")}
            onForesee={list.isPlaceholderData ? undefined : foresee}
          />
        )}
      </Foot>
      {(tasks.task !== undefined || openId !== undefined) && (
        <KeyTasks
          tasks={tasks}
          openId={openId}
          onCloseDetails={() => change({ key: undefined })}
          onEnded={selection.clear}
        />
      )}
    </>
  );
}

const listOf = (question: KeysSearch, username: string) =>
  queryOptions({
    queryKey: ["keys", question, username],
    queryFn: ({ signal }) => call("keys.list", { query: listQuery(question, username) }, { signal }),
  });

/** A number that refused callers get; it comes with what else is about use. */
const DECISION = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const DecisionState = part(() => import("../use/decision.tsx"), "DecisionState");

const CLEARED: Partial<KeysSearch> = {
  q: undefined,
  status: undefined,
  owner: undefined,
  tag: undefined,
  unused: undefined,
};

function stateOf(
  list: { isError: boolean; data: unknown; error: unknown; refetch: () => unknown },
  rows: readonly KeyEntry[] | undefined,
  search: KeysSearch,
  onClear: () => void,
) {
  if (list.isError && list.data === undefined)
    return <FailedState error={list.error} onRetry={() => void list.refetch()} />;
  if (rows === undefined || rows.length > 0) return undefined;
  if (search.q !== undefined && DECISION.test(search.q)) return <DecisionState id={search.q} />;
  if (isFiltered(search))
    return (
      <State icon={<IconSearchOff size={40} stroke={1.3} aria-hidden />} title="No key matches">
        <p>
          {search.q
            ? `Nothing has “${search.q}” in its name, user, tags or description${isFiltered({ ...search, q: undefined }) ? " and fits the filters" : ""}.`
            : "None of the keys fits these filters."}
        </p>
        <Button variant="default" onClick={onClear}>
          Show all keys
        </Button>
      </State>
    );
  return (
    <State icon={<IconKey size={40} stroke={1.3} aria-hidden />} title="No keys yet">
      <p>
        A key lets a script or a service act as a user without a password, and can be taken away at any time.
        Press Add, above, to make the first one.
      </p>
    </State>
  );
}

/** Changes the address: new filters begin at the first page again. */
function useSearchChange(): (change: Partial<KeysSearch>, page?: "same page" | "correction") => void {
  const navigate = useNavigate({ from: "/keys" });
  return useCallback(
    (change, page) => {
      const keepsPage = page !== undefined || (Object.keys(change).length === 1 && "key" in change);
      void navigate({
        search: (before) => ({ ...before, ...(keepsPage ? {} : { page: undefined }), ...change }),
        replace: "q" in change || page === "correction",
        resetScroll: false,
      });
    },
    [navigate],
  );
}

/** A key just made is in view, whatever filter, order and page the list is at. */
function useWithMade(
  rows: readonly KeyEntry[] | undefined,
  madeId: number | undefined,
): readonly KeyEntry[] | undefined {
  const isShown = madeId === undefined || rows === undefined || rows.some(({ id }) => id === madeId);
  const { data: made, isError: isGone } = useQuery({
    queryKey: ["key", madeId],
    queryFn: ({ signal }) => call("keys.get", { id: madeId ?? 0 }, { signal }),
    enabled: !isShown,
    retry: false,
  });
  return useMemo(
    () => (isShown || isGone || made === undefined || rows === undefined ? rows : [made, ...rows]),
    [isShown, isGone, made, rows],
  );
}
