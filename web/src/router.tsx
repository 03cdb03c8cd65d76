import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Outlet,
  redirect,
} from "@tanstack/react-router";
import { call } from "./api/call.ts";
import { queries } from "./api/queries.ts";
import { isSignedIn, sessionQuery } from "./api/session.ts";
import { Failure } from "./frame/failure.tsx";
import { Frame } from "./frame/frame.tsx";
import { NotFound } from "./frame/not-found.tsx";
import { Keys } from "./keys/keys.tsx";
import { readKeysSearch } from "./keys/keys-search.ts";
import { SignIn } from "./signing/sign-in.tsx";

const rootRoute = createRootRoute({
  component: Outlet,
  notFoundComponent: NotFound,
  errorComponent: Failure,
});

/** What only somebody signed in sees; everybody else signs in first and comes back. */
const frameRoute = createRoute({
  getParentRoute: () => rootRoute,
  id: "frame",
  component: Frame,
  beforeLoad: async ({ location }) => {
    const who = await queries.ensureQueryData(sessionQuery);
    if (isSignedIn(who)) return;
    const { needed } = await call("setup.get");
    if (needed) throw redirect({ to: "/setup" });
    throw redirect({ to: "/sign-in", search: location.href === "/" ? {} : { to: location.href } });
  },
});

const texts = (...names: readonly string[]) => {
  return (search: Record<string, unknown>): Record<string, string | undefined> =>
    Object.fromEntries(
      names.flatMap((name) => (typeof search[name] === "string" ? [[name, search[name] as string]] : [])),
    );
};

const homeRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/",
  beforeLoad: () => {
    throw redirect({ to: "/keys", replace: true });
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
  component: lazyRouteComponent(() => import("./users/users.tsx"), "Users"),
});
const groupsRoute = createRoute({
  getParentRoute: () => frameRoute,
  path: "/groups",
  component: lazyRouteComponent(() => import("./users/groups.tsx"), "Groups"),
});
const auditRoute = createRoute({
  getParentRoute: () => frameRoute,
  path: "/audit",
  validateSearch: texts("q", "event", "kind", "id", "success", "username", "since", "order", "page", "entry"),
  component: lazyRouteComponent(() => import("./audit/audit.tsx"), "Audit"),
});
const systemRoute = createRoute({
  getParentRoute: () => frameRoute,
  path: "/system",
  component: lazyRouteComponent(() => import("./system/system.tsx"), "System"),
});
const certificateRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/certificate",
  component: lazyRouteComponent(() => import("./system/certificate.tsx"), "Certificate"),
});
const guideRoute = createRoute({
  getParentRoute: () => frameRoute,
  path: "/guide",
  component: lazyRouteComponent(() => import("./guide/guide.tsx"), "Guide"),
});
/** Where the seed's page was. */
const oldGuideRoute = createRoute({
  getParentRoute: () => frameRoute,
  path: "/scale/scaleclireference/auth/cliapikey",
  component: lazyRouteComponent(() => import("./guide/guide.tsx"), "Guide"),
});
const signInRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/sign-in",
  validateSearch: texts("to"),
  component: SignIn,
});
const setupRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/setup",
  component: lazyRouteComponent(() => import("./signing/setup.tsx"), "Setup"),
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
