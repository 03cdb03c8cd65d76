/**
 * bun web/build.ts [--unless-fresh]: bundles the screens into `web/dist/web.pack`, one file with every asset in it,
 * precompressed, as `server/src/http/web-pack.ts` reads it; and the script of the REST reference, which Scalar's
 * package has ready, into `web/dist/reference.pack`.
 *
 * Everything but `index.html` is named by its content and may be kept for ever. A pack is written beside its place and
 * renamed, so that a server that reads it meanwhile sees the old one or the new one.
 */
import { mkdirSync, readdirSync, renameSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const folder = import.meta.dir;
const root = join(folder, "..");
const dist = join(folder, "dist");
const PACKS = ["web.pack", "reference.pack"];
/** Brotli's best takes ten seconds for the reference, and the first page of a clone waits for it. */
const BEST_BYTES_MAX = 1_000_000;
const SOURCES = [
  "web/src",
  "web/build.ts",
  "client/src",
  "contract/src",
  "bun.lock",
  "server/src/version.ts",
];
const MAGIC = "CHATELAINE-WEB-1\n";

const TYPES: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  svg: "image/svg+xml",
  png: "image/png",
  woff2: "font/woff2",
};

interface Asset {
  readonly path: string;
  readonly bytes: Uint8Array;
}

async function build(): Promise<void> {
  const assets = [...(await bundle()), ...(await copyFonts()), ...(await copyStatic())];
  assets.push({ path: "/index.html", bytes: new TextEncoder().encode(writePage(assets)) });
  mkdirSync(dist, { recursive: true });
  write("web.pack", assets);
  write("reference.pack", [await copyReference()]);
}

function write(name: string, assets: readonly Asset[]): void {
  const file = join(dist, name);
  const temporary = `${file}.${process.pid}`;
  writeFileSync(temporary, pack(assets));
  renameSync(temporary, file);
}

async function copyReference(): Promise<Asset> {
  const file = join(folder, "node_modules/@scalar/api-reference/dist/browser/standalone.js");
  return {
    path: "/api/docs/assets/scalar.js",
    bytes: new Uint8Array(await Bun.file(file).arrayBuffer()),
  };
}

async function bundle(): Promise<Asset[]> {
  const result = await Bun.build({
    entrypoints: ["main.tsx", "events-worker.ts", "scheme.ts", "styles.css"].map((name) =>
      join(folder, "src", name),
    ),
    target: "browser",
    format: "esm",
    splitting: true,
    minify: true,
    publicPath: "/assets/",
    naming: { entry: "[name]-[hash].[ext]", chunk: "[name]-[hash].[ext]", asset: "[name]-[hash].[ext]" },
    define: { "process.env.NODE_ENV": '"production"' },
    external: ["/assets/*"],
  });
  return Promise.all(
    result.outputs.map(async (output) => ({
      path: `/assets/${output.path.split("/").pop()}`,
      bytes: new Uint8Array(await output.arrayBuffer()),
    })),
  );
}

/** Named by their version, as `styles/fonts.css` names them; the bundler would put them into the style sheet. */
async function copyFonts(): Promise<Asset[]> {
  const fonts = ["next-latin", "next-latin-ext", "mono-latin"];
  return Promise.all(
    fonts.map(async (font) => {
      const family = `atkinson-hyperlegible-${font.split("-")[0]}`;
      const packageFolder = join(folder, "node_modules", "@fontsource-variable", family);
      const { version } = (await Bun.file(join(packageFolder, "package.json")).json()) as { version: string };
      const file = join(packageFolder, "files", `atkinson-hyperlegible-${font}-wght-normal.woff2`);
      return {
        path: `/assets/atkinson-${font}-${version}.woff2`,
        bytes: new Uint8Array(await Bun.file(file).arrayBuffer()),
      };
    }),
  );
}

/** What has a fixed address: the icon and the pictures of the guide. */
async function copyStatic(): Promise<Asset[]> {
  const files = listFiles(join(folder, "public"));
  return Promise.all(
    files.map(async (file) => ({
      path: file.slice(join(folder, "public").length),
      bytes: new Uint8Array(await Bun.file(file).arrayBuffer()),
    })),
  );
}

function writePage(assets: readonly Asset[]): string {
  const find = (pattern: RegExp): string => {
    const asset = assets.find(({ path }) => pattern.test(path));
    if (asset === undefined) throw new Error(`Nothing was built that is named like ${pattern}`);
    return asset.path;
  };
  const main = find(/\/main-[^/]+\.js$/);
  return `<!doctype html>
<html lang="en" data-events-worker="${find(/\/events-worker-[^/]+\.js$/)}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Chatelaine</title>
<link rel="icon" href="/favicon.svg" type="image/svg+xml">
<link rel="preload" href="${find(/\/atkinson-next-latin-[\d.]+woff2$/)}" as="font" type="font/woff2" crossorigin>
<link rel="stylesheet" href="${find(/\/styles-[^/]+\.css$/)}">
${neededBy(main, assets)
  .map((path) => `<link rel="modulepreload" href="${path}">`)
  .join("\n")}
<script src="${find(/\/scheme-[^/]+\.js$/)}"></script>
<script type="module" src="${main}"></script>
</head>
<body><div id="root"></div><noscript>Chatelaine's screens need JavaScript. The command line and the REST API do not.</noscript></body>
</html>
`;
}

/** What the script imports before it runs, and they in turn: told to the browser at once, not found out file by file. */
function neededBy(path: string, assets: readonly Asset[], known: Set<string> = new Set()): readonly string[] {
  const bytes = assets.find((asset) => asset.path === path)?.bytes;
  for (const [, next = ""] of new TextDecoder()
    .decode(bytes)
    .matchAll(/(?:from|import)"(\/assets\/[^"]+\.js)"/g)) {
    if (known.has(next)) continue;
    known.add(next);
    neededBy(next, assets, known);
  }
  return [...known];
}

/** A line that names the format, the length of the index, the index as JSON, then all bodies. */
function pack(assets: readonly Asset[]): Uint8Array {
  const bodies: Uint8Array[] = [];
  let offset = 0;
  const place = (bytes: Uint8Array): [number, number] => {
    bodies.push(bytes);
    offset += bytes.length;
    return [offset - bytes.length, bytes.length];
  };
  const entries = assets.map(({ path, bytes }) => {
    const extension = path.split(".").pop() ?? "";
    const quality = bytes.length > BEST_BYTES_MAX ? 5 : 11;
    const isText = /^(html|js|css|svg)$/.test(extension);
    return {
      path,
      type: TYPES[extension] ?? "application/octet-stream",
      immutable: path.startsWith("/assets/"),
      etag: `"${new Bun.CryptoHasher("sha256").update(bytes).digest("hex").slice(0, 32)}"`,
      identity: place(bytes),
      ...(isText && {
        br: place(brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: quality } })),
        gzip: place(gzipSync(bytes, { level: 9 })),
      }),
    };
  });
  const index = new TextEncoder().encode(JSON.stringify(entries));
  const head = new TextEncoder().encode(`${MAGIC}${index.length}\n`);
  return Buffer.concat([head, index, ...bodies]);
}

function listFiles(path: string): string[] {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) return [];
  if (!found.isDirectory()) return [path];
  return readdirSync(path).flatMap((name) => listFiles(join(path, name)));
}

function isFresh(): boolean {
  const built = Math.min(
    ...PACKS.map((name) => statSync(join(dist, name), { throwIfNoEntry: false })?.mtimeMs ?? 0),
  );
  const sources = [...SOURCES, "web/public"].flatMap((path) => listFiles(join(root, path)));
  return sources.every((file) => statSync(file).mtimeMs < built);
}

if (!(process.argv.includes("--unless-fresh") && isFresh())) await build();
