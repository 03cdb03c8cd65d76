/**
 * The key in a request's headers: exactly one, or none. The same rules as the server's own for reverse proxies, so that a
 * key passes or fails alike behind a proxy and in a service. Two keys, or a header twice, are refused.
 */

export type Presented =
  /** `headers`: those that carry it, and so must not go onwards. */
  | { readonly kind: "key"; readonly text: string; readonly headers: readonly string[] }
  | { readonly kind: "bad" | "none"; readonly headers: readonly string[] };

/** A header by its name in small letters: all its values, or one where they were joined on the way. */
export type ReadHeader = (name: string) => readonly string[] | string | null | undefined;

/** With a slip of the hand, or without its number, it is a key all the same. */
const KEY = /^(?:[1-9]\d{0,9}-[A-Za-z0-9]{64}|CK1[A-Za-z0-9]{61})$/;
const BASIC_CHARS_MAX = 512;

/** @param header the one header that carries keys here; undefined: the usual ones */
export function readPresented(read: ReadHeader, header?: string): Presented {
  const valuesOf = (name: string): readonly string[] => [read(name) ?? []].flat();
  if (header !== undefined) return readNamed(valuesOf(header.toLowerCase()), header.toLowerCase());
  // An empty header is no credential.
  const [authorization, own] = ["authorization", "x-api-key"].map((name) =>
    valuesOf(name).filter((value) => value.trim() !== ""),
  ) as [string[], string[]];
  const credentials = authorization.map(fromAuthorization);
  const isOurs = credentials.some((text) => text !== undefined);
  const headers = [...(isOurs ? ["authorization"] : []), ...(own.length > 0 ? ["x-api-key"] : [])];
  if (authorization.length > 1 || own.length > 1) {
    return { kind: "bad", headers: ["authorization", "x-api-key"] };
  }
  const [[text], [other]] = [credentials, own.map((value) => value.trim())];
  if (other === undefined) return judged(text, headers);
  // Beside X-API-Key a credential that is no key is somebody else's, and left alone.
  if (text === undefined || !KEY.test(text)) return judged(other, ["x-api-key"]);
  return text === other ? judged(text, headers) : { kind: "bad", headers };
}

function readNamed(values: readonly string[], header: string): Presented {
  const headers = [header];
  if (values.length > 1) return { kind: "bad", headers };
  const [value] = values;
  return judged(
    value === undefined ? undefined : /^bearer /i.test(value) ? value.slice(7).trim() : value.trim(),
    headers,
  );
}

function judged(text: string | undefined, headers: readonly string[]): Presented {
  if (text === undefined || text === "") return { kind: "none", headers };
  return text.includes(",") ? { kind: "bad", headers } : { kind: "key", text, headers };
}

/** @returns undefined for a scheme that is none of ours */
function fromAuthorization(value: string): string | undefined {
  const space = value.indexOf(" ");
  const scheme = value.slice(0, Math.max(space, 0)).toLowerCase();
  const rest = value.slice(space + 1).trim();
  return scheme === "bearer" ? rest : scheme === "basic" ? fromBasic(rest) : undefined;
}

/** The key is the password; or the name, where there is no password that is a key. */
function fromBasic(credentials: string): string | undefined {
  if (credentials.length > BASIC_CHARS_MAX || !/^[A-Za-z0-9+/]+={0,2}$/.test(credentials)) return undefined;
  let pair: string;
  try {
    pair = atob(credentials);
  } catch {
    return undefined;
  }
  const colon = pair.indexOf(":");
  if (colon < 0) return undefined;
  const [name, password] = [pair.slice(0, colon), pair.slice(colon + 1)];
  return !KEY.test(password) && KEY.test(name) ? name : password;
}
