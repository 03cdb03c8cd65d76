import type { ErrorCode } from "./errors.ts";

/** Each error code for people: a title, what it means, what to do. The built-in documentation has a page for each. */
export const ERROR_DOCS: Readonly<Record<ErrorCode, { title: string; words: string; remedy: string }>> = {
  invalid: {
    title: "A value was refused",
    words:
      "The request is understood, but a value in it breaks a rule. `errors` names each member and says why.",
    remedy: "Fix the listed fields and send the request again.",
  },
  malformed_request: {
    title: "The request cannot be read",
    words:
      "Broken JSON, a wrong content type, a method that the address does not have, credentials that contradict each other, or a key in the address.",
    remedy:
      "Look at `detail`. Bodies are JSON objects with `Content-Type: application/json`; a key goes into a header.",
  },
  not_authenticated: {
    title: "Not signed in",
    words:
      "There is no credential, or it is not a good one. A wrong key and a key that does not exist are told alike.",
    remedy: "Send the whole key, its number included, as `Authorization: Bearer KEY` or `X-API-Key: KEY`.",
  },
  key_expired: {
    title: "The key has expired",
    words: "The key is right, but its time is over.",
    remedy: "Reset it with a new `expires_at`, or edit `expires_at` to bring the same key back.",
  },
  key_revoked: {
    title: "The key is revoked",
    words: "The key is right, but somebody, or the rule about insecure transport, has revoked it.",
    remedy: "See the reason in the key's details, then reset it and take the new key.",
  },
  key_paused: {
    title: "The key is paused",
    words: "The key is right, but it is paused.",
    remedy: "Resume it: the same key works again.",
  },
  user_locked: {
    title: "The user is locked",
    words: "The key or session is right, but its user is locked or holds no role any more.",
    remedy: "An account manager unlocks the user, or gives them a role.",
  },
  insecure_transport: {
    title: "Sent over an insecure transport",
    words:
      "A key, password or token came over plain http from another machine, where anybody on the way can read it; or through a proxy that is not named or does not say how its client came, so that nobody knows.",
    remedy:
      "Use https, and behind a proxy name it with `--trusted-proxy`. A key that came in clear was left whole, but treat it as known to others: reset it; and change a password.",
  },
  address_not_allowed: {
    title: "Not from this address",
    words: "The key is right, but it is held to addresses that the caller's is not among.",
    remedy: "Add the address to the key's `allowed_ips`, or call from one that is there.",
  },
  session_expired: {
    title: "The session has ended",
    words: "It was idle for too long, too old, or ended by somebody.",
    remedy: "Sign in again.",
  },
  credential_ended: {
    title: "The credential has ended meanwhile",
    words:
      "The key was revoked, paused, reset, deleted or has expired, its user was locked or deleted, or the session was ended, after the request had come and before it was carried out. Nothing was changed.",
    remedy: "Sign in again, or use a key that is good.",
  },
  role_missing: {
    title: "A role is missing",
    words: "The caller is known, but holds none of the roles that this needs. `roles` names them.",
    remedy: "Use a caller who has the role, or have it granted.",
  },
  scope_missing: {
    title: "A scope is missing",
    words: "The key is right, but lacks the scope that was asked for.",
    remedy: "Grant the scope to the user and, where it is narrowed, to the key.",
  },
  forbidden: {
    title: "Not allowed",
    words:
      "The caller may do such things, but not this one to this: nobody acts for others without the role for it, and nobody hands out more than they have: rights that they lack, a later end, a higher rate, other addresses.",
    remedy: "Look at `detail`; somebody with more rights can do it.",
  },
  not_found: {
    title: "Not there",
    words: "Nothing of this name or number exists, or the caller may not know of it.",
    remedy: "Check the number or name. Deleted keys never come back.",
  },
  name_taken: {
    title: "The name is taken",
    words: "Names of keys are unique over all users, names of users and groups each among themselves.",
    remedy: "Choose another name.",
  },
  conflict: {
    title: "Somebody else was first",
    words:
      "What was to be changed is not in the state any more that the change was decided on, or cannot leave it.",
    remedy: "Read it again and decide once more.",
  },
  precondition_failed: {
    title: "Changed since",
    words: "What was to be changed has another ETag by now than those that the header If-Match names.",
    remedy: "Read it again and decide once more. Without If-Match the change is made whatever is there.",
  },
  limit_reached: {
    title: "A limit is reached",
    words: "There are as many as there may be.",
    remedy: "Delete what is not needed, or have the limit raised.",
  },
  payload_too_large: {
    title: "Too large",
    words: "A body may have 64 KiB, all headers together 16 KiB.",
    remedy: "Send less at once.",
  },
  request_timeout: {
    title: "Too slow",
    words: "The body of the request did not come whole within 15 seconds after its headers.",
    remedy: "Send the request again; where the line is slow, send less at once.",
  },
  unknown_host: {
    title: "The name is not known",
    words:
      "A server on loopback answers to localhost, to addresses, to the names of its certificate and of `public_url`, and to those of `--allow-host`: another name may be that of a page elsewhere which has it lead here.",
    remedy: "Ask for one of these names, or start the server with `--allow-host NAME`.",
  },
  too_many_requests: {
    title: "Too many requests",
    words: "Guessing is slowed, and so is anyone who asks too often. `Retry-After` says how long to wait.",
    remedy: "Wait as long as `Retry-After` says.",
  },
  storage_full: {
    title: "The disk is full",
    words: "The change was not made. Checking of keys goes on, and revoking them too.",
    remedy: "Free space on the server's disk.",
  },
  unavailable: {
    title: "Not available now",
    words: "The database does not answer, or the server is stopping. It says nothing about the key.",
    remedy: "Try again shortly.",
  },
  restore_not_accepted: {
    title: "Restored data waits to be accepted",
    words:
      "The database is an older copy of itself, in which keys may live that were revoked since. Nothing is checked and nobody signs in until an administrator of the machine accepts it. It says nothing about the key.",
    remedy:
      "On the server's machine, look at the users and keys, revoke what must stay dead, then run `chatelaine restore --accept`.",
  },
  internal: {
    title: "A fault of the server",
    words: "Something unforeseen happened. The server's log has it under the request id.",
    remedy: "Report it with the `request_id`.",
  },
};
