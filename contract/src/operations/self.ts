import { z } from "zod";
import {
  EndedKey,
  EXAMPLE_KEY,
  EXAMPLE_MADE,
  EXAMPLE_REVOKED,
  Key,
  keyLimits,
  Reason,
  ResetKey,
  ScramQuery,
} from "./key-entry.ts";
import { EXAMPLE_RECEIPT, operation } from "./operation.ts";

const self = { kind: "signed_in", words: "Signed in by the key itself." } as const;

export const selfOperations = {
  "self.get": operation({
    name: "self.get",
    method: "GET",
    path: "/keys/self",
    group: "The key that asks",
    title: "Read the key that asks",
    words: "Needs no role, so that every key can learn when it ends and what it may.",
    access: self,
    output: Key,
    status: 200,
    tagged: "key",
    errors: [],
    example: { output: EXAMPLE_KEY },
    since: "0.1.0",
  }),
  "self.reset": operation({
    name: "self.reset",
    method: "POST",
    path: "/keys/self/reset",
    group: "The key that asks",
    title: "Reset the key that asks",
    words:
      "Rotates a key from where it is used: the answer has the new one, the old one is dead. Its limits and its end stay.",
    access: self,
    query: ScramQuery,
    body: z.strictObject({ expires_at: keyLimits.expires_at }),
    output: ResetKey,
    status: 200,
    tagged: "key",
    once: true,
    errors: ["conflict", "role_missing"],
    example: { body: {}, output: { ...EXAMPLE_MADE, version: 2, receipt: EXAMPLE_RECEIPT } },
    since: "0.1.0",
  }),
  "self.revoke": operation({
    name: "self.revoke",
    method: "POST",
    path: "/keys/self/revoke",
    group: "The key that asks",
    title: "Revoke the key that asks",
    words: "Anyone who holds a key may have it revoked, such as a scanner that found it.",
    access: self,
    body: Reason,
    output: EndedKey,
    status: 200,
    tagged: "key",
    once: true,
    errors: ["conflict"],
    example: {
      body: { reason: "Found in a public repository" },
      output: {
        ...EXAMPLE_REVOKED,
        revoked_reason: "Found in a public repository",
        receipt: EXAMPLE_RECEIPT,
      },
    },
    since: "0.1.0",
  }),
};
