/** Alone because every table keeps its columns by it. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { call } from "../api/call.ts";
import { sessionQuery, useMe, type WhoAmI } from "../api/session.ts";
import { showProblem } from "../notices/notices.ts";

/** The columns that the user chose for a table, kept with him on the server. */
export function useColumns(
  name: string,
  all: readonly string[],
  defaults: readonly string[],
): readonly [readonly string[], (visible: readonly string[]) => void] {
  const queries = useQueryClient();
  const { user } = useMe();
  // What was chosen here holds, also while the server still tells of the choice before.
  const [chosen, setChosen] = useState<readonly string[]>();
  const stored = chosen ?? user.attributes[name];
  const kept = Array.isArray(stored) ? all.filter((id) => stored.includes(id)) : [];
  const save = useMutation({
    scope: { id: name },
    mutationFn: (value: readonly string[]) => call("me.setAttribute", { name, body: { value: [...value] } }),
    onMutate: (value) =>
      queries.setQueryData(sessionQuery.queryKey, (who: WhoAmI | undefined) =>
        who && who.user !== null
          ? { ...who, user: { ...who.user, attributes: { ...who.user.attributes, [name]: [...value] } } }
          : who,
      ),
    onError: (error) => showProblem(error, "save"),
  });
  const choose = (visible: readonly string[]): void => {
    setChosen(visible);
    save.mutate(visible);
  };
  return [kept.length > 0 ? kept : defaults, choose];
}
