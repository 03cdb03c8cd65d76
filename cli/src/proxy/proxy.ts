/** Configurations for reverse proxies that put Chatelaine in front of a service. */
import { mkdirSync, writeFileSync } from "node:fs";
import { isIP } from "node:net";
import { join, resolve } from "node:path";
import { caddyRecipe } from "@chatelaine/client/proxy-caddy";
import { authorityOf, type Guard, type Place, type RecipeFile } from "@chatelaine/client/proxy-guard";
import { nginxRecipe, nginxSnippet } from "@chatelaine/client/proxy-nginx";
import type { Command } from "commander";
import { addCommand } from "../command.ts";
import { print, tell } from "../output.ts";
import { envoyRecipe } from "./envoy.ts";
import { parseAudience, parseFile, parseHeader, parsePlace, parseScope, parseSite } from "./guard.ts";
import { haproxyRecipe } from "./haproxy.ts";
import { traefikRecipe } from "./traefik.ts";

interface ProxyOptions {
  readonly for: Guard["site"];
  readonly to: Place;
  readonly chatelaine: Place;
  readonly scope?: readonly string[];
  readonly header?: string;
  readonly assert?: string;
  readonly cert?: string;
  readonly certKey?: string;
  readonly chatelaineCa?: string;
  readonly toCa?: string;
  readonly write?: string;
  readonly snippet?: boolean;
}

const RECIPES: Readonly<Record<string, (guard: Guard, folder: string) => RecipeFile[]>> = {
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
  )
    .argument("<proxy>", `${Object.keys(RECIPES).join(", ")}`)
    .requiredOption("--for <url>", "the site as its clients see it", parseSite)
    .requiredOption("--to <url>", "the service behind it", parsePlace("--to"))
    .option(
      "--chatelaine <url>",
      "where the proxy reaches Chatelaine; http://127.0.0.1:5390 unless set",
      parsePlace("--chatelaine"),
      parsePlace("--chatelaine")("http://127.0.0.1:5390"),
    )
    .option(
      "--scope <scope>",
      "only keys with this scope; may be given again, then all are needed",
      parseScope,
    )
    .option("--header <name>", "the header that carries the key, and nothing else does", parseHeader)
    .option("--assert <audience>", "also passes on a signed identity for this audience", parseAudience)
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
    .option("--write <dir>", "writes the file or files there")
    .option("--snippet", "nginx: only what a server block that is there includes")
    .action(async (proxy: string, options: ProxyOptions, command: Command) => {
      const recipe = Object.hasOwn(RECIPES, proxy) ? RECIPES[proxy] : undefined;
      if (!recipe) command.error(`error: unknown proxy: ${Object.keys(RECIPES).join(", ")} are known`);
      if (options.snippet && proxy !== "nginx") command.error("error: --snippet is for nginx");
      const folder = options.write === undefined ? (FOLDERS[proxy] ?? "") : resolve(options.write);
      const guard = guardOf(proxy, options);
      if (needsName(proxy, guard))
        command.error(
          `error: ${proxy} compares a certificate with names alone: say --chatelaine https://NAME:PORT, with a name that Chatelaine's certificate has, such as localhost`,
        );
      const files = options.snippet
        ? nginxSnippet(guard, options.write !== undefined)
        : recipe!(guard, folder);
      if (options.write === undefined) await printFiles(files);
      else writeFiles(folder, files);
    });
}

/** Where its certificate is looked at. */
function needsName(proxy: string, { chatelaine, chatelaineCa }: Guard): boolean {
  const isLookedAt = proxy === "haproxy" || (proxy === "nginx" && authorityOf(chatelaine, chatelaineCa));
  return chatelaine.tls && isIP(chatelaine.host.replace(/^\[|\]$/g, "")) > 0 && Boolean(isLookedAt);
}

function guardOf(proxy: string, options: ProxyOptions): Guard {
  const { for: site, to: service, chatelaine } = options;
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
    scopes: options.scope ?? [],
    header: options.header,
    audience: options.assert,
    cert: options.cert ?? fallback,
    chatelaineCa: options.chatelaineCa,
    serviceCa: options.toCa,
    certKey: options.certKey ?? (options.cert === undefined ? `${folder}/privkey.pem` : ""),
  };
}

async function printFiles(files: readonly RecipeFile[]): Promise<void> {
  await print(files[0]!.text.trimEnd());
  for (const { name } of files.slice(1)) tell(`It needs ${name} beside it: --write DIR writes both.`);
}

function writeFiles(folder: string, files: readonly RecipeFile[]): void {
  mkdirSync(folder, { recursive: true });
  for (const { name, text } of files) {
    const path = join(folder, name);
    writeFileSync(path, text);
    tell(`Wrote ${path}`);
  }
}
