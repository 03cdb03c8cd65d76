/** The screens of the side bar, and where somebody begins who may not see the first of them. */
import type { OperationName } from "@chatelaine/contract/operations/operations";
import { IconHistory, IconKey, IconServerCog, IconUsers } from "@tabler/icons-react";
import type { Me } from "../api/session.ts";

interface Place {
  readonly to: "/keys" | "/users" | "/audit" | "/system";
  readonly label: string;
  /** A screen that is reached from it, and belongs to it. */
  readonly beside?: string;
  /** Any of them opens it. */
  readonly needs: readonly OperationName[];
  readonly Icon: typeof IconKey;
}

const PLACES: readonly Place[] = [
  { to: "/keys", label: "API Keys", needs: ["keys.list"], Icon: IconKey },
  { to: "/users", label: "Users", beside: "/groups", needs: ["users.list"], Icon: IconUsers },
  { to: "/audit", label: "Audit", needs: ["audit.list"], Icon: IconHistory },
  { to: "/system", label: "System", needs: ["settings.get", "sessions.list"], Icon: IconServerCog },
];

/** Screens that are reached from one of those. */
const BESIDES: readonly (Pick<Place, "needs"> & { readonly to: string })[] = [
  { to: "/groups", needs: ["groups.list"] },
];

export function placesOf({ may }: Pick<Me, "may">): readonly Place[] {
  return PLACES.filter((place) => isOpen(place, may));
}

function isOpen({ needs }: Pick<Place, "needs">, may: readonly string[]): boolean {
  return needs.some((one) => may.includes(one));
}

/** The guide is for everybody. */
export function firstPlace(me: Pick<Me, "may">): Place["to"] | "/guide" {
  return placesOf(me)[0]?.to ?? "/guide";
}

/** Where somebody goes who has just signed in and wanted to be at `to`: only to where they may. */
export function landing(me: Pick<Me, "may">, to: string | undefined): string {
  if (to === undefined || !URL.canParse(to, location.origin)) return firstPlace(me);
  const url = new URL(to, location.origin);
  const place = [...PLACES, ...BESIDES].find((one) => url.pathname === one.to);
  const isOwn = url.origin === location.origin && !url.pathname.startsWith("/sign-in");
  if (!isOwn || url.pathname === "/" || (place && !isOpen(place, me.may))) return firstPlace(me);
  return to.replace(/^[/\\]+/, "/");
}
