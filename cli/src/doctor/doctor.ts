/**
 * `chatelaine doctor --proxy URL`: attacks a configured proxy from outside, with keys of its own that it removes again,
 * and says what it found. `--chatelaine URL` looks at Chatelaine itself behind a proxy of its own. Exit code 1 where
 * something was found.
 */
import { type Command, InvalidArgumentError, Option } from "commander";
import { addPrinting, collect, onData, type Printing } from "../command.ts";
import { readKey } from "../input.ts";
import { print, printJson } from "../output.ts";
import { parseHeader, parseScope } from "../proxy/arguments.ts";
import { type Canary, canaryOf, makeCanary, openKeys } from "./canary.ts";
import { type Echo, startEcho } from "./echo.ts";
import { examine } from "./examine.ts";
import type { Finding, FoundTwins } from "./finding.ts";
import { examineOwnSite } from "./own-site.ts";
import { createProbe } from "./probe.ts";
import type { Site } from "./raw-http.ts";

interface DoctorOptions extends Printing {
  readonly proxy?: Site;
  readonly chatelaine?: Site;
  readonly echo?: { readonly host: string; readonly port: number };
  readonly header?: string;
  readonly scope?: readonly string[];
  readonly user?: string;
  readonly keyStdin?: boolean;
  readonly ca?: string;
  readonly insecure?: boolean;
}

export function addDoctor(program: Command): void {
  addPrinting(
    program,
    "doctor",
    "Attacks a configured proxy from outside, or looks at Chatelaine behind a proxy of its own, and tells what is wrong; exit code 1 where something is.",
    "chatelaine doctor --proxy https://app.example/ --scope app:use",
    "chatelaine doctor --proxy http://127.0.0.1:8080/ --echo 127.0.0.1:3000",
    "chatelaine doctor --proxy https://app.example/headers --key-stdin < ci.key",
    "chatelaine doctor --chatelaine https://keys.example",
  )
    .option("--proxy <url>", "a guarded address, as clients see it", parseTarget)
    .addOption(
      new Option(
        "--chatelaine <url>",
        "in its place: Chatelaine's own address, as clients see it, where a proxy stands before it",
      )
        .argParser(parseOwnTarget)
        .conflicts(["proxy", "echo", "scope", "header", "user", "keyStdin"]),
    )
    .option(
      "--echo <addr>",
      "starts a service at ADDRESS:PORT, where the proxy looks for the guarded one, to see what reaches it; without it the service may repeat its request in its answer",
      parseAddress,
    )
    .option("--scope <scope>", "what the proxy asks of keys; may be given again", collect(readScope))
    .option("--header <name>", "the header that carries keys, where the proxy names one", parseHeader)
    .option("--user <name>", "makes its keys for this user, in place of a user that it makes and removes")
    .option("--key-stdin", "a good key from standard input, in place of keys that it makes; tries less")
    .option("--ca <file>", "PEM of the authority that the site's certificate is from")
    .option("--insecure", "does not look at the site's certificate")
    .action(async (options: DoctorOptions, command: Command) => {
      const { proxy, chatelaine } = options;
      if (!proxy && !chatelaine)
        command.error("error: required option '--proxy <url>' or '--chatelaine <url>' not specified");
      const isInterrupted = watchInterrupt();
      const findings = await (chatelaine
        ? lookAtOwn(chatelaine, options, { command, isInterrupted })
        : attack(proxy!, options, { command, isInterrupted }));
      const count = findings.filter(({ result }) => result === "FOUND").length;
      if (options.json) await printJson({ found: count, findings });
      else await print(count === 0 ? "Nothing found." : `${count} found.`);
      if (count > 0) process.exitCode = 1;
    });
}

interface Run {
  readonly command: Command;
  readonly isInterrupted: () => boolean;
}

async function attack(proxy: Site, options: DoctorOptions, run: Run): Promise<Finding[]> {
  const { header, ca, insecure, scope: scopes = [], user: username } = options;
  const mark = makeMark();
  const look = async (canary: Canary, twins: FoundTwins | undefined): Promise<Finding[]> => {
    await using echo = options.echo && (await openEcho(options.echo, mark));
    const probe = createProbe({ site: { ...proxy, ca, insecure }, header, mark, echo });
    return await report(examine({ probe, canary, scopes, twins }), options, run);
  };
  if (options.keyStdin) return look(canaryOf(await readKey(true)), undefined);
  return onData(run.command, async (local) => {
    await using canary = await makeCanary(local, { mark, scopes, username });
    return await look(canary, await local.users.twins(local.caller));
  });
}

/** The user of these keys may list sessions, because an entry of that list says how Chatelaine sees a connection. */
async function lookAtOwn(site: Site, options: DoctorOptions, run: Run): Promise<Finding[]> {
  const { ca, insecure } = options;
  const { channelBindingOf } = await import("@chatelaine/server/main");
  return onData(run.command, async (local) => {
    const roles = ["KEY_HOLDER", "AUTH_SESSIONS_READ"] as const;
    await using keys = await openKeys(local, { mark: makeMark(), scopes: [], roles });
    const { insecureTransport } = await local.settings.show(local.caller);
    const exam = {
      site: { ...site, ca, insecure },
      ...keys,
      allowsAll: insecureTransport === "allow",
      bindingOf: channelBindingOf,
    };
    return await report(examineOwnSite(exam), options, run);
  });
}

async function report(
  findings: AsyncIterable<Finding>,
  { json }: Printing,
  { isInterrupted }: Run,
): Promise<Finding[]> {
  const all: Finding[] = [];
  for await (const finding of findings) {
    if (isInterrupted()) throw new Error("Interrupted.");
    all.push(finding);
    if (!json) await print(lineOf(finding));
  }
  return all;
}

/** Once; then what was made is removed first. A second time ends at once. */
function watchInterrupt(): () => boolean {
  let isInterrupted = false;
  for (const signal of ["SIGINT", "SIGTERM"] as const)
    process.once(signal, () => {
      isInterrupted = true;
    });
  return () => isInterrupted;
}

async function openEcho({ host, port }: { host: string; port: number }, mark: string): Promise<Echo> {
  try {
    return await startEcho(host, port, mark);
  } catch (error) {
    throw new Error(`--echo ${host}:${port}: ${(error as Error).message}`);
  }
}

function lineOf({ result, check, words, mend }: Finding): string {
  const line = `${result.padEnd(7)}  ${check}: ${words}`;
  return mend === undefined ? line : `${line}\n         -> ${mend}`;
}

/** A name for a user, and a word that stands in no other request. */
function makeMark(): string {
  return `doctor-${crypto.randomUUID().replaceAll("-", "").slice(0, 12)}`;
}

function readScope(text: string): string {
  return parseScope(text)[0]!;
}

function parseTarget(text: string): Site {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !/^https?:$/.test(url.protocol) || url.username !== "" || url.search !== "" || url.hash !== "")
    throw new InvalidArgumentError("Expected an address such as https://app.example/.");
  const tls = url.protocol === "https:";
  return { tls, host: url.hostname, port: Number(url.port || (tls ? 443 : 80)), path: url.pathname };
}

/** Chatelaine stands at the root of its address. */
function parseOwnTarget(text: string): Site {
  const site = parseTarget(text);
  if (site.path !== "/")
    throw new InvalidArgumentError("Expected an address without a path, such as https://keys.example.");
  return site;
}

function parseAddress(text: string): { host: string; port: number } {
  const [, host = "", port] = /^(\[[0-9a-fA-F:]+\]|[A-Za-z0-9.-]+):(\d{1,5})$/.exec(text) ?? [];
  if (port === undefined || Number(port) > 65_535)
    throw new InvalidArgumentError("Expected ADDRESS:PORT, such as 127.0.0.1:3000.");
  return { host: host.replace(/^\[|\]$/g, ""), port: Number(port) };
}
