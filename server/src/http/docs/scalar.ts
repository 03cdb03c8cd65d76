/** The reference's bundle, served from here: read and compressed once, at the first request for it. */

import { promisify } from "node:util";
import { gzip } from "node:zlib";
import bundle from "../../../node_modules/@scalar/api-reference/dist/browser/standalone.js" with {
  type: "file",
};
import { answerOf } from "../long-answers.ts";

const compress = promisify(gzip);
type Bytes = Uint8Array<ArrayBuffer>;
let made: Promise<{ plain: Bytes; gzipped: Bytes }> | undefined;

export async function scalarBundle(acceptsGzip: boolean): Promise<Response> {
  made ??= read();
  const { plain, gzipped } = await made;
  const headers = {
    "Content-Type": "text/javascript; charset=utf-8",
    "Cache-Control": "no-store",
    Vary: "Accept-Encoding",
  };
  if (!acceptsGzip) return answerOf(plain, { headers });
  return answerOf(gzipped, { headers: { ...headers, "Content-Encoding": "gzip" } });
}

async function read(): Promise<{ plain: Bytes; gzipped: Bytes }> {
  const plain = new Uint8Array(await Bun.file(bundle).arrayBuffer());
  return { plain, gzipped: new Uint8Array(await compress(plain)) };
}
