/** What a user of a guarded service feels: the same service behind nginx, with and without the guard of our own recipe. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { placeOf } from "@chatelaine/proxy-recipes/guard";
import { nginxRecipe } from "@chatelaine/proxy-recipes/nginx";
import { freePort, type Node } from "./node.ts";
import { figure } from "./results.ts";
import {
  type Load,
  type LoadTarget,
  type Measured,
  measure,
  measureOpen,
  middle,
  type OpenMeasured,
} from "./verify-load.ts";
import { makeFolder, startNginx, startTarget } from "./verify-rivals.ts";

/** Of the guarded peak: what a machine that is not overloaded does. */
const SHARE = 0.5;

export interface GuardResult {
  readonly without: Measured;
  readonly guarded: Measured;
  readonly calmWithout: OpenMeasured;
  readonly calmGuarded: OpenMeasured;
}

export async function measureGuard(node: Node, load: Load, runs: number): Promise<GuardResult> {
  const service = await startNginx();
  const without = await startPlain(service.url);
  const guarded = await startGuarded(service.url, node.url);
  try {
    const both: [Measured[], Measured[]] = [[], []];
    for (let turn = 0; turn < runs; turn++) {
      both[0].push(await measure(without, load));
      both[1].push(await measure(guarded, load));
    }
    const [bare, held] = [middle(both[0]), middle(both[1])];
    const calm: [OpenMeasured[], OpenMeasured[]] = [[], []];
    for (let turn = 0; turn < runs; turn++) {
      calm[0].push(await measureOpen(without, load, held.perSecond * SHARE));
      calm[1].push(await measureOpen(guarded, load, held.perSecond * SHARE));
    }
    const [calmWithout, calmGuarded] = [middle(calm[0]), middle(calm[1])];
    return { without: bare, guarded: held, calmWithout, calmGuarded };
  } finally {
    for (const one of [guarded, without, service]) await one.stop();
  }
}

export function guardRows({ without, guarded, calmWithout, calmGuarded }: GuardResult): string[][] {
  const row = (name: string, one: Measured): string[] => [
    name,
    figure(one.perSecond, ""),
    "",
    figure(one.p50Ms, ""),
    figure(one.p99Ms, ""),
    "",
    "",
  ];
  const calm = (name: string, one: OpenMeasured): string[] => [
    `${name}, open loop at ${figure(one.reached, "/s")}`,
    "",
    "",
    figure(one.p50, ""),
    figure(one.p99, ""),
    "",
    "",
  ];
  return [
    row("a service behind nginx", without),
    row("the same with the guard", guarded),
    [
      "with the guard against without",
      (guarded.perSecond / without.perSecond).toFixed(2),
      "",
      "",
      "",
      "",
      "",
    ],
    calm("a service behind nginx", calmWithout),
    calm("the same with the guard", calmGuarded),
    [
      "the guard adds then",
      "",
      "",
      figure(calmGuarded.p50 - calmWithout.p50, ""),
      figure(calmGuarded.p99 - calmWithout.p99, ""),
      "",
      "",
    ],
  ];
}

function startPlain(service: string): Promise<LoadTarget> {
  const { host } = new URL(service);
  return startNginx(
    `location / { proxy_pass http://service; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $http_host; proxy_set_header X-Forwarded-For $remote_addr; proxy_set_header X-Forwarded-Proto $scheme; }`,
    `upstream service { server ${host}; keepalive 32; }`,
  );
}

/** As `chatelaine proxy nginx` prints it, but for the number of workers and the log, which the other has not either. */
function startGuarded(service: string, chatelaine: string): Promise<LoadTarget> {
  const folder = makeFolder("guarded");
  const port = freePort();
  const [file] = nginxRecipe({
    site: { tls: false, host: "127.0.0.1", port, path: "" },
    service: placeOf(new URL(service)),
    chatelaine: placeOf(new URL(chatelaine)),
    scopes: [],
    header: undefined,
    audience: undefined,
    cert: "",
    certKey: "",
  });
  const text = file!.text
    .replace("events {}", "worker_processes 1;\nevents { worker_connections 1024; }")
    .replace("http {", "http {\n  access_log off;\n  keepalive_requests 1000000000;");
  writeFileSync(join(folder, "nginx.conf"), text);
  return startTarget({
    name: "guarded",
    port,
    command: [
      "nginx",
      "-p",
      folder,
      "-c",
      `${folder}/nginx.conf`,
      "-g",
      `daemon off; pid ${folder}/pid; error_log stderr error;`,
    ],
    folder,
  });
}
