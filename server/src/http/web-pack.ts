/**
 * The bundled screens as one file: inside the single executable, or built in a clone.
 *
 * In a clone `web/build.ts` is asked before the first page is served, and builds only where a source is newer than what
 * was built. Where that cannot be done (a clone of somebody else's), what was built before is served.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";

export interface WebAsset {
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
const built = join(root, "web", "dist", "web.pack");

/** @returns the screens by path; undefined where there are none, with the reason told. */
export async function loadWebPack(tell: (reason: string) => void): Promise<WebPack | undefined> {
  const embedded = Bun.embeddedFiles.find((file) => /(^|\/)web[^/]*\.pack$/.test((file as File).name));
  if (embedded) return readWebPack(new Uint8Array(await embedded.arrayBuffer()));
  if (existsSync(builder)) await build(tell);
  if (existsSync(built)) return readWebPack(new Uint8Array(await Bun.file(built).arrayBuffer()));
  tell("The screens are not built");
  return undefined;
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
