/**
 * What browsers get that is built: the screens and the script of the REST reference, each a file of assets by their paths,
 * inside the single executable or built in a clone.
 *
 * In a clone `web/build.ts` is asked before the first page is served, and builds only where a source is newer than what
 * was built. Where that cannot be done (a clone of somebody else's), what was built before is served.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { hasAlready } from "./entity-tags.ts";
import { answerOf } from "./long-answers.ts";

interface WebAsset {
  readonly path: string;
  readonly type: string;
  /** Named by its content: it may be kept for ever. */
  readonly immutable: boolean;
  readonly etag: string;
  readonly identity: Uint8Array;
  readonly br: Uint8Array | undefined;
  readonly gzip: Uint8Array | undefined;
}

export type WebPack = ReadonlyMap<string, WebAsset>;

const MAGIC = "CHATELAINE-WEB-1\n";
const root = join(import.meta.dir, "../../..");
const builder = join(root, "web", "build.ts");
const dist = join(root, "web", "dist");

/** @returns the assets by path; undefined where there are none, with the reason told. */
async function loadWebPack(
  name: "web" | "reference",
  tell: (reason: string) => void,
): Promise<WebPack | undefined> {
  const embedded = Bun.embeddedFiles.find((file) => (file as File).name.split("/").pop() === `${name}.pack`);
  if (embedded) return readWebPack(new Uint8Array(await embedded.arrayBuffer()));
  if (existsSync(builder)) await build(tell);
  const file = join(dist, `${name}.pack`);
  if (existsSync(file)) return readWebPack(new Uint8Array(await Bun.file(file).arrayBuffer()));
  tell("The screens are not built");
  return undefined;
}

/** Kept once it is there: what could not be built is tried again at the next request. */
export function keepWebPack(
  name: "web" | "reference",
  tell: (reason: string) => void,
): () => Promise<WebPack | undefined> {
  let loading: Promise<WebPack | undefined> | undefined;
  return () => {
    loading ??= loadWebPack(name, tell).then((pack) => {
      if (pack === undefined) loading = undefined;
      return pack;
    });
    return loading;
  };
}

async function build(tell: (reason: string) => void): Promise<void> {
  const run = Bun.spawn([process.execPath, builder, "--unless-fresh"], {
    cwd: root,
    stdio: ["ignore", "ignore", "pipe"],
  });
  const words = await new Response(run.stderr).text();
  if ((await run.exited) !== 0) tell(`The screens could not be built: ${words.trim().slice(0, 2000)}`);
}

type Place = readonly [offset: number, length: number];

interface Entry extends Omit<WebAsset, "identity" | "br" | "gzip"> {
  readonly identity: Place;
  readonly br?: Place;
  readonly gzip?: Place;
}

function readWebPack(bytes: Uint8Array<ArrayBuffer>): WebPack {
  const text = new TextDecoder();
  const end = bytes.indexOf(10, MAGIC.length);
  if (text.decode(bytes.subarray(0, MAGIC.length)) !== MAGIC)
    throw new Error("web.pack is of another format");
  const length = Number(text.decode(bytes.subarray(MAGIC.length, end)));
  const bodies = end + 1 + length;
  const entries = JSON.parse(text.decode(bytes.subarray(end + 1, bodies))) as Entry[];
  const cut = (place: Place): Uint8Array => bytes.subarray(bodies + place[0], bodies + place[0] + place[1]);
  return new Map(
    entries.map((entry) => [
      entry.path,
      {
        ...entry,
        identity: cut(entry.identity),
        br: entry.br && cut(entry.br),
        gzip: entry.gzip && cut(entry.gzip),
      },
    ]),
  );
}

export function servePacked(req: Request, pack: WebPack | undefined, path: string): Response {
  if (pack === undefined)
    return new Response("The screens are not built; see the server's log.\n", { status: 503 });
  const asset = pack.get(path);
  if (asset === undefined) return new Response("Not found\n", { status: 404 });
  const headers = new Headers({
    "Content-Type": asset.type,
    "Cache-Control": asset.immutable ? "public, max-age=31536000, immutable" : "no-cache",
    ETag: asset.etag,
    Vary: "Accept-Encoding",
  });
  if (hasAlready(req, asset.etag)) return new Response(null, { status: 304, headers });
  const [encoding, body] = encode(asset, req.headers.get("accept-encoding") ?? "");
  if (encoding) headers.set("Content-Encoding", encoding);
  headers.set("Content-Length", String(body.length));
  if (req.method === "HEAD") return new Response(null, { headers });
  return answerOf(body as Uint8Array<ArrayBuffer>, { headers });
}

function encode(asset: WebAsset, accepted: string): readonly [string | undefined, Uint8Array] {
  const accepts = (name: string): boolean =>
    accepted.split(",").some((part) => {
      const [coding = "", ...options] = part.trim().toLowerCase().split(";");
      return coding === name && !options.some((option) => /^\s*q=0(\.0*)?\s*$/.test(option));
    });
  if (asset.br && accepts("br")) return ["br", asset.br];
  if (asset.gzip && accepts("gzip")) return ["gzip", asset.gzip];
  return [undefined, asset.identity];
}
