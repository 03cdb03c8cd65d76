/** Finds the key in a request's headers: exactly one, or none. A foreign credential beside it is left alone. */
import { parseKeyText } from "../../domain/key-text.ts";

export type Presented =
  | { readonly kind: "key"; readonly text: string; readonly isAuthorization: boolean }
  /** Something that was meant as a key and is none, or two keys. */
  | { readonly kind: "bad" }
  | { readonly kind: "none" };

const NONE: Presented = { kind: "none" };
const BAD: Presented = { kind: "bad" };

/** @param header the one header that the proxy's own configuration names; null: the usual ones */
export function readPresented(headers: Headers, header: string | null): Presented {
  if (header !== null) {
    const value = headers.get(header);
    const isAuthorization = header.toLowerCase() === "authorization";
    return value === null || value === "" ? NONE : judged(withoutScheme(value), isAuthorization);
  }
  const authorization = headers.get("authorization");
  const own = headers.get("x-api-key");
  const fromAuthorization = authorization === null ? undefined : readAuthorization(authorization);
  if (own === null) {
    return fromAuthorization === undefined ? NONE : judged(fromAuthorization, true);
  }
  const isKey = fromAuthorization !== undefined && parseKeyText(fromAuthorization).ok;
  if (isKey && fromAuthorization !== own) return BAD;
  return judged(own, isKey);
}

function judged(text: string, isAuthorization: boolean): Presented {
  return text === "" ? NONE : text.includes(",") ? BAD : { kind: "key", text, isAuthorization };
}

/** @returns undefined for a scheme that is none of ours */
function readAuthorization(value: string): string | undefined {
  if (value.startsWith("Bearer ") && value.charCodeAt(7) > 32) return value.slice(7).trimEnd();
  const space = value.indexOf(" ");
  const scheme = value.slice(0, space).toLowerCase();
  const rest = value.slice(space + 1).trim();
  if (scheme === "bearer") return rest;
  if (scheme !== "basic") return undefined;
  return fromBasic(rest);
}

/** The key is the password; or the name, where there is no password that is a key. */
function fromBasic(credentials: string): string | undefined {
  if (credentials.length > 512 || !/^[A-Za-z0-9+/]+={0,2}$/.test(credentials)) return undefined;
  const pair = Buffer.from(credentials, "base64").toString("latin1");
  const colon = pair.indexOf(":");
  if (colon < 0) return undefined;
  const [name, password] = [pair.slice(0, colon), pair.slice(colon + 1)];
  return !parseKeyText(password).ok && parseKeyText(name).ok ? name : password;
}

function withoutScheme(value: string): string {
  return /^bearer /i.test(value) ? value.slice(7).trim() : value.trim();
}
