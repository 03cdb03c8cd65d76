/** Names that services may take for one: seen in the data folder, and so apart from what attacks the proxy. */
import { type Finding, type FoundTwins, ok, skipped, some } from "./finding.ts";

const SETS_SHOWN = 20;

/** @param twins undefined where the data folder is not looked at */
export function findTwins(twins: FoundTwins | undefined): Finding {
  return { check: "names that differ in case alone", ...judge(twins) };
}

function judge(twins: FoundTwins | undefined): Omit<Finding, "check"> {
  if (twins === undefined) return skipped("with --key-stdin the data folder is not looked at");
  if (twins.length === 0) return ok("no two users, and no two groups");
  const sets = twins.map(({ kind, names }) => `${kind}s ${names.join(" and ")}`);
  return {
    result: "hint",
    words: some(sets, SETS_SHOWN),
    mend: "rename all but one of each: a service that reads Remote-User or Remote-Groups in any case takes them for one",
  };
}
