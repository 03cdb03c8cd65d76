import { USER_ORDERS } from "@chatelaine/contract/orders";
import { Button } from "@mantine/core";
import { IconPlus, IconSearchOff, IconUsers } from "@tabler/icons-react";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { call } from "../api/call.ts";
import { useMay, useMe } from "../api/session.ts";
import { SearchBox } from "../form/search-box.tsx";
import { useTitle } from "../frame/title.ts";
import { ChangePassword } from "../signing/change-password-part.ts";
import { knownOrder, readPage } from "../table/address.ts";
import { DataTable } from "../table/data-table.tsx";
import { Foot } from "../table/foot.tsx";
import { Pager, rowsOf } from "../table/pager.tsx";
import { FailedState, State } from "../table/state.tsx";
import { useNow } from "../time/instant.tsx";
import { LockUser } from "./lock-user.tsx";
import { PeopleTabs } from "./people-tabs.tsx";
import { RemoveUser } from "./remove-user.tsx";
import { isMe } from "./self.ts";
import { SetPassword } from "./set-password.tsx";
import { useUnlock } from "./use-unlock.ts";
import type { UserEntry } from "./user.ts";
import { type UserAction, UserActions } from "./user-actions.tsx";
import { userColumns } from "./user-columns.tsx";
import { UserDetails } from "./user-details.tsx";
import { UserPanel } from "./user-panel.tsx";

const PAGE_SIZE = 50;

type Task =
  | { readonly kind: "add" }
  | { readonly kind: "edit" | "password" | "lock" | "delete"; readonly user: UserEntry };
/** Who may sign in and hold keys. */
export function Users() {
  useTitle("Users");
  const now = useNow();
  const may = useMay();
  const search = useSearch({ from: "/frame/users" });
  const navigate = useNavigate({ from: "/users" });
  const [task, setTask] = useState<Task>();
  const me = useMe();
  const unlock = useUnlock();
  const change = (part: Record<string, string | undefined>, isCorrection = false): void =>
    void navigate({
      search: (before) => ({ ...before, ...part }),
      replace: "q" in part || isCorrection,
      resetScroll: false,
    });
  const page = readPage(search.page, PAGE_SIZE);
  const { q, user: openName } = search;
  const order = knownOrder(search.order, USER_ORDERS) ?? "username";
  const list = useQuery({
    queryKey: ["users", { q, order, page }],
    queryFn: ({ signal }) =>
      call(
        "users.list",
        { query: { q, order, limit: PAGE_SIZE, offset: (page - 1) * PAGE_SIZE } },
        { signal },
      ),
    placeholderData: keepPreviousData,
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: opening is the same at every time
  const columns = useMemo(() => userColumns(now, (user) => change({ user: user.username })), [now]);
  const act = (action: UserAction, user: UserEntry): void => {
    if (action === "details") change({ user: user.username });
    else if (action === "unlock") unlock(user);
    else setTask({ kind: action, user });
  };
  const end = (): void => setTask(undefined);
  const total = list.isPlaceholderData ? undefined : list.data?.total;
  const rows = rowsOf(list.data);
  return (
    <>
      <div className="screen-head">
        <h1>Users</h1>
        {may("users.create") && (
          <Button
            leftSection={<IconPlus size={18} stroke={2} aria-hidden />}
            onClick={() => setTask({ kind: "add" })}
          >
            Add User
          </Button>
        )}
      </div>
      <PeopleTabs />
      <div className="tool-bar">
        <SearchBox value={q ?? ""} onChange={(next) => change({ q: next || undefined, page: undefined })} />
      </div>
      <DataTable
        label="Users"
        columns={columns}
        rows={rows}
        idOf={(user) => String(user.id)}
        nameOf={(user) => user.username}
        order={order}
        onOrder={(next) => change({ order: next === "username" ? undefined : next, page: undefined })}
        onOpen={(user) => change({ user: user.username })}
        isOld={list.isPlaceholderData}
        actions={(user) => <UserActions user={user} onAction={act} />}
        state={
          list.isError && !list.data ? (
            <FailedState error={list.error} onRetry={() => void list.refetch()} />
          ) : rows?.length === 0 ? (
            <NobodyHere q={q} onClear={() => change({ q: undefined, page: undefined })} />
          ) : undefined
        }
      />
      <Foot>
        <Pager
          page={page}
          pageSize={PAGE_SIZE}
          total={total}
          noun={["user", "users"]}
          onPage={(next, isCorrection) =>
            change({ page: next === 1 ? undefined : String(next) }, isCorrection)
          }
        />
      </Foot>
      {openName && (
        <UserDetails username={openName} onClose={() => change({ user: undefined })} onAction={act} />
      )}
      {task?.kind === "add" && <UserPanel onClose={end} onSaved={end} />}
      {task?.kind === "edit" && (
        <UserPanel
          user={task.user}
          onClose={end}
          onSaved={(name) => {
            end();
            if (openName === task.user.username && name !== openName) change({ user: name });
          }}
        />
      )}
      {task?.kind === "password" &&
        (isMe(me, task.user) ? (
          <ChangePassword onClose={end} />
        ) : (
          <SetPassword user={task.user} onClose={end} />
        ))}
      {task?.kind === "lock" && <LockUser user={task.user} onClose={end} />}
      {task?.kind === "delete" && (
        <RemoveUser
          user={task.user}
          onClose={end}
          onDone={() => {
            end();
            change({ user: undefined });
          }}
        />
      )}
    </>
  );
}

function NobodyHere({ q, onClear }: { readonly q: string | undefined; readonly onClear: () => void }) {
  if (q === undefined)
    return (
      <State icon={<IconUsers size={40} stroke={1.3} aria-hidden />} title="No users yet">
        <p>Keys belong to users. Press Add User to make one.</p>
      </State>
    );
  return (
    <State icon={<IconSearchOff size={40} stroke={1.3} aria-hidden />} title="No user matches">
      <p>Nobody has “{q}” in a name.</p>
      <Button variant="default" onClick={onClear}>
        Show all users
      </Button>
    </State>
  );
}
