import { SEARCH_CHARS_MAX } from "@chatelaine/contract/limits";
import { createRootRoute, createRoute, createRouter, Outlet, redirect } from "@tanstack/react-router";
import { call } from "./api/call.ts";
import { queries } from "./api/queries.ts";
import { isSignedIn, sessionQuery } from "./api/session.ts";
import { LeaveQuestion } from "./form/unsaved.tsx";
import { Failure } from "./frame/failure.tsx";
import { Frame } from "./frame/frame.tsx";
import { NotFound } from "./frame/not-found.tsx";
import { firstPlace } from "./frame/places.ts";
import { Keys } from "./keys/keys.tsx";
import { readKeysSearch } from "./keys/keys-search.ts";
import { Audit, Certificate, Groups, Guide, Setup, System, Users } from "./screens.ts";
import { SignIn } from "./signing/sign-in.tsx";

function Root() {
  return (
    <>
      <Outlet />
      <LeaveQuestion />
    </>
  );
}

const rootRoute = createRootRoute({
  component: Root,
  notFoundComponent: NotFound,
  errorComponent: Failure,
});

/** To the setup, as long as there is nobody who could sign in. */
async function toSignIn(search: { to?: string }) {
  const { needed } = await call("setup.get");
  return needed ? redirect({ to: "/setup" }) : redirect({ to: "/sign-in", search });
}

/**
 * What only somebody signed in sees; everybody else signs in first and comes back. Where the session ends while a screen is
 * there, the frame asks for the sign-in over it, whatever address is gone to meanwhile: a way elsewhere would lose what was typed.
 */
const frameRoute = createRoute({
  getParentRoute: () => rootRoute,
  id: "frame",
  component: Frame,
  beforeLoad: async ({ location, cause }) => {
    const who = await queries.ensureQueryData(sessionQuery);
    if (!isSignedIn(who) && cause !== "stay") throw await toSignIn({ to: location.href });
  },
});

const texts = (...names: readonly string[]) => {
  return (search: Record<string, unknown>): Record<string, string | undefined> =>
    Object.fromEntries(
      names.flatMap((name) => {
        const text = search[name];
        if (typeof text !== "string") return [];
        return [[name, name === "q" ? text.slice(0, SEARCH_CHARS_MAX) : text]];
      }),
    );
};

const homeRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/",
  beforeLoad: async () => {
    const who = await queries.ensureQueryData(sessionQuery);
    if (!isSignedIn(who)) throw await toSignIn({});
    throw redirect({ to: firstPlace(who), replace: true });
  },
});
export const keysRoute = createRoute({
  getParentRoute: () => frameRoute,
  path: "/keys",
  validateSearch: readKeysSearch,
  component: Keys,
});
const usersRoute = createRoute({
  getParentRoute: () => frameRoute,
  path: "/users",
  validateSearch: texts("q", "role", "locked", "order", "page", "user"),
  component: Users,
});
const groupsRoute = createRoute({
  getParentRoute: () => frameRoute,
  path: "/groups",
  validateSearch: texts("group"),
  component: Groups,
});
const auditRoute = createRoute({
  getParentRoute: () => frameRoute,
  path: "/audit",
  validateSearch: texts("q", "event", "kind", "id", "success", "username", "since", "order", "page", "entry"),
  component: Audit,
});
const systemRoute = createRoute({
  getParentRoute: () => frameRoute,
  path: "/system",
  component: System,
});
const certificateRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/certificate",
  component: Certificate,
});
const guideRoute = createRoute({
  getParentRoute: () => frameRoute,
  path: "/guide",
  component: Guide,
});
/** Where the seed's page was. */
const oldGuideRoute = createRoute({
  getParentRoute: () => frameRoute,
  path: "/scale/scaleclireference/auth/cliapikey",
  component: Guide,
});
/** Whatever there is not, in the frame, so that one gets away from it. */
const nothingRoute = createRoute({ getParentRoute: () => frameRoute, path: "$", component: NotFound });
const signInRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/sign-in",
  validateSearch: texts("to"),
  component: SignIn,
});
const setupRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/setup",
  component: Setup,
});

const routeTree = rootRoute.addChildren([
  homeRoute,
  signInRoute,
  setupRoute,
  certificateRoute,
  frameRoute.addChildren([
    keysRoute,
    usersRoute,
    groupsRoute,
    auditRoute,
    systemRoute,
    guideRoute,
    oldGuideRoute,
    nothingRoute,
  ]),
]);

export const router = createRouter({
  routeTree,
  defaultPreload: "intent",
  defaultErrorComponent: Failure,
  defaultNotFoundComponent: NotFound,
  defaultPendingMs: 150,
  scrollRestoration: true,
  // Plain `name=value` pairs, so that an address can be read and shared.
  parseSearch: (text) => Object.fromEntries(new URLSearchParams(text)),
  stringifySearch: (search) => {
    const pairs = Object.entries(search).flatMap(([name, value]) =>
      value === undefined || value === "" ? [] : [[name, String(value)]],
    );
    return pairs.length === 0 ? "" : `?${new URLSearchParams(pairs as [string, string][])}`;
  },
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
