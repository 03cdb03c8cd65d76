/**
 * The one table of all addresses that this server answers, and the way from an address to what answers it.
 *
 * Rows are asked in their order where their path fits; a row that answers undefined leaves the address to those behind it. What
 * stands here is all that there is: `server/test/routes.test.ts` asks for every row, and for what is beside them.
 */
import type { Peer } from "./peer.ts";

/** One request, with what a row may want to know of it. What costs something is worked out when it is asked for. */
export class Incoming {
  readonly req: Request;
  readonly server: Bun.Server<unknown>;
  /** Whether TLS ended here. */
  readonly isTls: boolean;
  /** Where the path begins in the address. */
  readonly pathAt: number;
  /** Without the query; dot segments are resolved. */
  path: string;
  /** With its question mark; empty where there is none. */
  search: string;
  readonly #by: Listening;
  #address: string | null | undefined;
  #peer: Peer | undefined;

  constructor(req: Request, server: Bun.Server<unknown>, by: Listening) {
    const { url } = req;
    this.req = req;
    this.server = server;
    this.isTls = by.isTls;
    this.#by = by;
    this.pathAt = url.indexOf("/", SCHEME_CHARS_MAX);
    const query = url.indexOf("?", this.pathAt);
    this.path = query < 0 ? url.slice(this.pathAt) : url.slice(this.pathAt, query);
    this.search = query < 0 ? "" : url.slice(query);
  }

  /** A fragment (`#x`) names nothing that a server has: what a client sends of it is no part of the address. */
  dropFragment(): void {
    const { url } = this.req;
    const end = url.indexOf("#", this.pathAt);
    if (end < 0) return;
    const query = url.indexOf("?", this.pathAt);
    const hasQuery = query >= 0 && query < end;
    this.path = url.slice(this.pathAt, hasQuery ? query : end);
    this.search = hasQuery ? url.slice(query, end) : "";
  }

  /** As the listener saw it; null on a unix socket. */
  get address(): string | null {
    if (this.#address === undefined) this.#address = this.#by.readAddress(this.req, this.server);
    return this.#address;
  }

  get peer(): Peer {
    this.#peer ??= this.#by.readPeer(this.req, this.server);
    return this.#peer;
  }
}

/** What a listener knows of its requests. */
export interface Listening {
  readonly isTls: boolean;
  readAddress(req: Request, server: Bun.Server<unknown>): string | null;
  readPeer(req: Request, server: Bun.Server<unknown>): Peer;
}

/** `upgraded`: the socket is a WebSocket now. */
type Answer = Response | "upgraded";
export type AnswerIncoming = (asked: Incoming) => Answer | undefined | Promise<Answer | undefined>;

export interface Row {
  /** `/x` alone; `/x/*` what is below it, `/x/**` both; `/x*` what begins so. */
  readonly path: string;
  /** Absent: all. Others are left to the rows behind it. */
  readonly methods?: readonly string[];
  readonly answer: AnswerIncoming;
  /** Matched on the path as sent, before dot segments are resolved: nothing that a client appends makes another address of it. */
  readonly isRaw?: boolean;
  /** Answered as it is, at once: no page, nothing that is waited for longer than a check takes. */
  readonly isFast?: boolean;
}

/** The parts that answer, as the composition hands them over. */
export interface Answerers {
  readonly check: {
    readonly auth: AnswerIncoming;
    readonly envoy: AnswerIncoming;
    readonly elsewhere: AnswerIncoming;
    readonly verify: AnswerIncoming;
    readonly jwks: AnswerIncoming;
    readonly metrics: AnswerIncoming;
  };
  readonly health: AnswerIncoming;
  /** By Bearer key; what it does not know at first sight it leaves to `rest`. */
  readonly readKey: AnswerIncoming;
  readonly rest: AnswerIncoming;
  readonly docs: AnswerIncoming;
  readonly rpc: AnswerIncoming;
  /** Judges a key that is shown in clear text where none is asked for. */
  readonly shown: AnswerIncoming;
  /** A problem document, for programs. */
  readonly nothingOfApi: AnswerIncoming;
  readonly screens: AnswerIncoming;
  readonly nothing: AnswerIncoming;
}

const READ = ["GET", "HEAD"];
/** `https://` and a letter. */
const SCHEME_CHARS_MAX = 8;

/** Of the screens; what is below them belongs to them too, and the browser's router knows which there are. */
const SCREENS = [
  "/keys",
  "/users",
  "/groups",
  "/audit",
  "/system",
  "/certificate",
  "/guide",
  "/sign-in",
  "/setup",
  "/scale/scaleclireference/auth/cliapikey",
];

/** What proxies and services ask: all that a listener for checks alone answers, with `healthRows`. */
export function checkRows({ auth, envoy, elsewhere, verify, jwks }: Answerers["check"]): Row[] {
  return [
    { path: "/auth/envoy", answer: envoy, isRaw: true, isFast: true },
    { path: "/auth/envoy/*", answer: envoy, isRaw: true, isFast: true },
    { path: "/auth/*", answer: elsewhere, isRaw: true, isFast: true },
    { path: "/auth", answer: auth, isFast: true },
    { path: "/auth*", answer: elsewhere, isFast: true },
    { path: "/api/v1/verify", methods: ["POST"], answer: verify, isFast: true },
    { path: "/.well-known/jwks.json", methods: READ, answer: jwks, isFast: true },
  ];
}

export function healthRows(health: AnswerIncoming): Row[] {
  return ["/healthz", "/readyz", "/ca.pem"].map((path) => ({ path, answer: health }));
}

export function allRows(parts: Answerers): Row[] {
  const { docs, rest, rpc, shown, screens } = parts;
  return [
    ...checkRows(parts.check),
    { path: "/metrics", methods: READ, answer: parts.check.metrics, isFast: true },
    { path: "/api/v1/keys/*", methods: ["GET"], answer: parts.readKey, isFast: true },
    ...healthRows(parts.health),
    { path: "/api/docs/**", answer: docs },
    { path: "/api/openapi.json", answer: docs },
    { path: "/api/openrpc.json", answer: docs },
    { path: "/api/v1/**", answer: rest },
    { path: "/api/current", answer: rpc },
    { path: "/api/v*", answer: rpc },
    { path: "/api/versions", answer: rpc },
    { path: "/api/boot_id", answer: rpc },
    { path: "/websocket", answer: rpc },
    { path: "*", answer: shown },
    { path: "/api/**", answer: parts.nothingOfApi },
    { path: "/", answer: screens },
    ...SCREENS.map((screen) => ({ path: `${screen}/**`, answer: screens })),
    ...["/assets/*", "/pictures/*", "/favicon.svg", "/index.html"].map((path) => ({
      path,
      answer: screens,
    })),
    { path: "*", answer: parts.nothing },
  ];
}

/** A table, ready to be asked. */
export interface RouteTable {
  /** Rows that are matched on the path as sent: each with its path, as `Bun.serve` writes it. */
  readonly raw: readonly (readonly [path: string, answer: AnswerIncoming])[];
  /** Asked before all others, and answered at once. */
  readonly fast: AnswerIncoming;
  /** Everything else. */
  readonly answer: AnswerIncoming;
}

export function compileRoutes(rows: readonly Row[]): RouteTable {
  const raw = rows.filter(({ isRaw }) => isRaw);
  const others = rows.filter(({ isRaw }) => !isRaw);
  return {
    raw: raw.map(({ path, answer }) => [path, answer]),
    fast: compile(others.filter(({ isFast }) => isFast)),
    answer: compile(others.filter(({ isFast }) => !isFast)),
  };
}

interface Compiled extends Row {
  readonly fits: (path: string) => boolean;
}

/** Rows of one literal path are looked up; all others are tried in their order. */
function compile(rows: readonly Row[]): AnswerIncoming {
  const all: readonly Compiled[] = rows.map((row) => ({ ...row, fits: fitting(row.path) }));
  const literal = new Map<string, readonly Compiled[]>();
  for (const { path } of all)
    literal.set(
      path,
      all.filter(({ fits }) => fits(path)),
    );
  const open = all.filter(({ path }) => path.endsWith("*"));
  const from = (asked: Incoming, tried: readonly Compiled[], first: number): ReturnType<AnswerIncoming> => {
    const { path, req } = asked;
    for (let at = first; at < tried.length; at++) {
      const { fits, methods, answer } = tried[at]!;
      if (!fits(path) || (methods && !methods.includes(req.method))) continue;
      const answered = answer(asked);
      if (answered instanceof Promise) return answered.then((one) => one ?? from(asked, tried, at + 1));
      if (answered !== undefined) return answered;
    }
    return undefined;
  };
  return (asked) => from(asked, literal.get(asked.path) ?? open, 0);
}

function fitting(pattern: string): (path: string) => boolean {
  if (!pattern.endsWith("*")) return (path) => path === pattern;
  const isBoth = pattern.endsWith("/**");
  const before = pattern.slice(0, isBoth ? -2 : -1);
  const itself = isBoth ? pattern.slice(0, -3) : null;
  return (path) => path.startsWith(before) || path === itself;
}
