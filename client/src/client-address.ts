/**
 * The address of a client as frameworks tell it, in a form that Chatelaine takes: proxies write a port behind it
 * (`192.0.2.7:5555`, `[2001:db8::7]:5555`), brackets around it, a zone into it, or `unknown` in its place (RFC 7239,
 * section 6). The server reads what it is told by proxies in the same way.
 */

const PORT = /^\[([^\]]+)\](?::\d+)?$|^(\d+\.\d+\.\d+\.\d+):\d+$/;
const CHARS_MAX = 64;

/** @returns undefined for what is no address: then it is not known where the client is */
export function readClientAddress(text: string | undefined): string | undefined {
  const trimmed = text?.trim() ?? "";
  if (trimmed.length > CHARS_MAX) return undefined;
  const parts = PORT.exec(trimmed);
  const bare = (parts?.[1] ?? parts?.[2] ?? trimmed).replace(/%.*$/, "");
  if (/^[\d.]+$/.test(bare)) return isV4(bare) ? bare : undefined;
  return bare.includes(":") && URL.canParse(`http://[${bare}]/`) ? bare : undefined;
}

function isV4(text: string): boolean {
  const bytes = text.split(".");
  return bytes.length === 4 && bytes.every((byte) => /^(?:0|[1-9]\d{0,2})$/.test(byte) && Number(byte) < 256);
}
