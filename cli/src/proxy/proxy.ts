/** Configurations for reverse proxies that put Chatelaine in front of a service. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { caddyRecipe } from "@chatelaine/proxy-recipes/caddy";
import { envoyRecipe } from "@chatelaine/proxy-recipes/envoy";
import {
  authorityOf,
  CHALLENGES,
  type Endpoint,
  isAddress,
  type OfferedChallenge,
  type ProxyGuard,
  type RecipeFile,
  type SignOn,
  type SignOnKind,
} from "@chatelaine/proxy-recipes/guard";
import { haproxyRecipe } from "@chatelaine/proxy-recipes/haproxy";
import { nginxRecipe, nginxSnippet } from "@chatelaine/proxy-recipes/nginx";
import { SIGN_ON_COOKIES } from "@chatelaine/proxy-recipes/sign-on";
import { traefikRecipe } from "@chatelaine/proxy-recipes/traefik";
import type { Command } from "commander";
import { addCommand } from "../command.ts";
import { print, printNote } from "../output.ts";
import {
  parseAudience,
  parseChallenge,
  parseChatelaine,
  parseCookie,
  parseFile,
  parseHeader,
  parsePlace,
  parseScope,
  parseSignOn,
  parseSite,
} from "./arguments.ts";

interface ProxyOptions {
  readonly for: ProxyGuard["site"];
  readonly to: Endpoint;
  readonly chatelaine?: Endpoint;
  readonly scope?: readonly string[];
  readonly header?: string;
  readonly assert?: string;
  readonly challenge?: OfferedChallenge;
  readonly preflight?: boolean;
  readonly stripPath?: boolean;
  readonly cert?: string;
  readonly certKey?: string;
  readonly chatelaineCa?: string;
  readonly toCa?: string;
  readonly sso?: SignOnKind;
  readonly ssoUrl?: Endpoint;
  readonly ssoCookie?: string;
  readonly ssoCa?: string;
  readonly write?: string;
  readonly snippet?: boolean;
}

const RECIPES: Readonly<Record<string, (guard: ProxyGuard, folder: string) => RecipeFile[]>> = {
  nginx: nginxRecipe,
  caddy: caddyRecipe,
  haproxy: haproxyRecipe,
  traefik: traefikRecipe,
  envoy: envoyRecipe,
};
/** Where a file of several is looked for when nobody said where it is written. */
const FOLDERS: Readonly<Record<string, string>> = { haproxy: "/etc/haproxy", traefik: "/etc/traefik" };

export function addProxy(program: Command): void {
  addCommand(
    program,
    "proxy",
    "Prints a configuration that lets keys alone through to a service.",
    "chatelaine proxy nginx --for https://app.example --to http://127.0.0.1:3000",
    "chatelaine proxy nginx --snippet --for http://app.example --to http://127.0.0.1:3000 --scope app:use",
    "chatelaine proxy haproxy --for https://app.example --to http://127.0.0.1:3000 --write /etc/haproxy",
    "chatelaine proxy nginx --for https://app.example --to http://127.0.0.1:3000 --sso authelia --sso-url http://127.0.0.1:9091",
  )
    .argument("<proxy>", `${Object.keys(RECIPES).join(", ")}`)
    .requiredOption("--for <url>", "the site as its clients see it", parseSite)
    .requiredOption("--to <url>", "the service behind it", parsePlace("--to"))
    .option(
      "--chatelaine <url>",
      "where the proxy reaches Chatelaine, unix:/path too; http://127.0.0.1:5390 unless set",
      parseChatelaine,
    )
    .option(
      "--scope <scope>",
      "only keys with this scope; may be given again, then all are needed",
      parseScope,
    )
    .option("--header <name>", "the header that carries the key, and nothing else does", parseHeader)
    .option("--assert <audience>", "also passes on a signed identity for this audience", parseAudience)
    .option(
      "--challenge <what>",
      `what who has no key is offered: ${CHALLENGES.join(", ")}; auto, Basic to programs alone, unless set`,
      parseChallenge,
    )
    .option("--preflight", "lets CORS preflights reach the service, which has to answer them, without a key")
    .option("--strip-path", "takes the path of --for away before the service, which does not know it")
    .option("--cert <file>", "certificate of the site; for HAProxy with its key", parseFile)
    .option("--cert-key <file>", "its private key", parseFile)
    .option(
      "--chatelaine-ca <file>",
      "who vouches for Chatelaine's certificate, such as its ca.pem; the system's authorities unless set",
      parseFile,
    )
    .option(
      "--to-ca <file>",
      "who vouches for the service's certificate; the system's authorities unless set",
      parseFile,
    )
    .option("--sso <kind>", "people enter by a sign-on beside keys: authelia, oauth2-proxy", parseSignOn)
    .option("--sso-url <url>", "where the proxy reaches the sign-on", parsePlace("--sso-url"))
    .option(
      "--sso-cookie <name>",
      `the cookie of its sessions; ${Object.values(SIGN_ON_COOKIES).join(" or ")} unless set`,
      parseCookie,
    )
    .option(
      "--sso-ca <file>",
      "who vouches for its certificate; the system's authorities unless set",
      parseFile,
    )
    .option("--write <dir>", "writes the file or files there")
    .option("--snippet", "nginx: only what a server block that is there includes")
    .action(async (proxy: string, options: ProxyOptions, command: Command) => {
      const recipe = Object.hasOwn(RECIPES, proxy) ? RECIPES[proxy] : undefined;
      if (!recipe) command.error(`error: unknown proxy: ${Object.keys(RECIPES).join(", ")} are known`);
      if (options.snippet && proxy !== "nginx") command.error("error: --snippet is for nginx");
      const folder = options.write === undefined ? (FOLDERS[proxy] ?? "") : resolve(options.write);
      const guard = guardOf(proxy, options);
      const fault = faultOf(proxy, guard, options);
      if (fault !== undefined) command.error(`error: ${fault}`);
      const files = options.snippet
        ? nginxSnippet(guard, options.write !== undefined)
        : recipe!(guard, folder);
      if (options.write === undefined) await printFiles(files);
      else writeFiles(folder, files);
    });
}

/** What does not go together, and what to say in its place. */
function faultOf(
  proxy: string,
  guard: ProxyGuard,
  { stripPath, sso, ssoUrl }: ProxyOptions,
): string | undefined {
  if (proxy === "traefik" && guard.chatelaine.socket !== undefined)
    return "traefik asks over TCP alone: say --chatelaine http://127.0.0.1:5390";
  if (stripPath && guard.site.path === "")
    return "--strip-path needs a path in --for, such as https://app.example/app";
  if (needsName(proxy, guard))
    return `${proxy} compares a certificate with names alone: say --chatelaine https://NAME:PORT, with a name that Chatelaine's certificate has, such as localhost`;
  if ((sso === undefined) !== (ssoUrl === undefined)) return "--sso and --sso-url go together";
  if (sso !== undefined && !WITH_SIGN_ON.includes(proxy)) return UNTRIED;
  return undefined;
}

const WITH_SIGN_ON = ["nginx", "caddy"];
const UNTRIED = `--sso is for ${WITH_SIGN_ON.join(" and ")}: no other recipe is tried with two ways into one site. Put nginx or Caddy before it`;

/** Where its certificate is looked at. */
function needsName(proxy: string, { chatelaine, chatelaineCa }: ProxyGuard): boolean {
  const isLookedAt = proxy === "haproxy" || (proxy === "nginx" && authorityOf(chatelaine, chatelaineCa));
  return chatelaine.tls && isAddress(chatelaine) && Boolean(isLookedAt);
}

function guardOf(proxy: string, options: ProxyOptions): ProxyGuard {
  const { for: site, to: service, chatelaine = parseChatelaine("http://127.0.0.1:5390") } = options;
  const folder = `/etc/letsencrypt/live/${site.host}`;
  const fallback =
    proxy === "caddy"
      ? ""
      : proxy === "haproxy"
        ? `/etc/haproxy/${site.host}.pem`
        : `${folder}/fullchain.pem`;
  return {
    site,
    service,
    chatelaine,
    signOn: signOnOf(options),
    scopes: options.scope ?? [],
    header: options.header,
    audience: options.assert,
    challenge: options.challenge,
    letsPreflights: options.preflight,
    stripsPath: options.stripPath,
    cert: options.cert ?? fallback,
    chatelaineCa: options.chatelaineCa,
    serviceCa: options.toCa,
    certKey: options.certKey ?? (options.cert === undefined ? `${folder}/privkey.pem` : ""),
  };
}

function signOnOf({ sso: kind, ssoUrl: place, ssoCookie, ssoCa: ca }: ProxyOptions): SignOn | undefined {
  if (kind === undefined || place === undefined) return undefined;
  return { kind, place, ca, cookie: ssoCookie ?? SIGN_ON_COOKIES[kind] };
}

async function printFiles(files: readonly RecipeFile[]): Promise<void> {
  await print(files[0]!.text.trimEnd());
  for (const { name } of files.slice(1)) printNote(`It needs ${name} beside it: --write DIR writes both.`);
}

function writeFiles(folder: string, files: readonly RecipeFile[]): void {
  mkdirSync(folder, { recursive: true });
  for (const { name, text } of files) {
    const path = join(folder, name);
    writeFileSync(path, text);
    printNote(`Wrote ${path}`);
  }
}
