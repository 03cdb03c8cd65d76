/** The reference's bundle, served from here: read and compressed once, at the first request for it. */

import { promisify } from "node:util";
import { gzip } from "node:zlib";
import bundle from "../../../node_modules/@scalar/api-reference/dist/browser/standalone.js" with {
  type: "file",
};

const compress = promisify(gzip);
let made: Promise<{ plain: Uint8Array; gzipped: Uint8Array }> | undefined;

export async function scalarBundle(acceptsGzip: boolean): Promise<Response> {
  made ??= read();
  const { plain, gzipped } = await made;
  const headers = {
    "Content-Type": "text/javascript; charset=utf-8",
    "Cache-Control": "no-store",
    Vary: "Accept-Encoding",
  };
  if (!acceptsGzip) return new Response(plain as BodyInit, { headers });
  return new Response(gzipped as BodyInit, { headers: { ...headers, "Content-Encoding": "gzip" } });
}

async function read(): Promise<{ plain: Uint8Array; gzipped: Uint8Array }> {
  const plain = new Uint8Array(await Bun.file(bundle).arrayBuffer());
  return { plain, gzipped: await compress(plain) };
}
