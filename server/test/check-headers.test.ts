/** Prepared headers are shared between answers: none may say anything of another's. */
import { expect, test } from "bun:test";
import { openCheck } from "./check-app.ts";
import { SYSTEM } from "./installation.ts";

const KEYS = 12;
const ROUNDS = 5;
/** Of these, members that only some answers have. */
const SOME = ["authorization", "ratelimit", "remote-assertion", "retry-after", "www-authenticate"];

test("answers that are made at once each have their own key's number, and nothing of the others", async () => {
  await using check = await openCheck();
  await check.app.settings.change(SYSTEM, { insecureTransport: "allow" });
  const keys = await Promise.all(Array.from({ length: KEYS }, (_, place) => check.key(`k${place}`)));
  const limited = await check.key("limited", { rateLimit: { limit: 1_000_000, windowSeconds: 60 } });
  const decisions = new Set<string>();
  const shown = ({ headers }: Response) => SOME.filter((name) => headers.get(name));
  const asks = (place: number): (() => Promise<void>)[] => {
    const { id, text } = keys[place]!;
    const good = async (answer: Promise<Response>, number: number, some: readonly string[]) => {
      const response = await answer;
      expect([response.status, response.headers.get("remote-key-id"), ...shown(response)]).toEqual([
        200,
        String(number),
        ...some,
      ]);
      return response;
    };
    const refused = async (answer: Promise<Response>, status: number, some: readonly string[]) => {
      const response = await answer;
      expect([response.status, response.headers.get("remote-key-id"), ...shown(response)]).toEqual([
        status,
        null,
        ...some,
      ]);
      decisions.add(response.headers.get("decision-id")!);
    };
    const foreign = { "X-Own": text, Authorization: `Basic ${place}` };
    return [
      async () => void (await good(check.auth(text), id, [])),
      async () => void (await good(check.auth(limited.text), limited.id, ["ratelimit"])),
      async () => void (await good(check.auth(text, { path: "/auth?assert=a" }), id, ["remote-assertion"])),
      async () => void (await good(check.auth(text, { headers: { "X-Forwarded-Proto": "http" } }), id, [])),
      async () => {
        const asked = check.auth(null, { path: "/auth?header=X-Own", headers: foreign });
        const { headers } = await good(asked, id, ["authorization"]);
        expect(headers.get("authorization")).toBe(`Basic ${place}`);
      },
      () => refused(check.auth(`${id}-${"a".repeat(64)}`), 401, ["www-authenticate"]),
      () => refused(check.auth(text, { path: "/auth?scope=mail:send" }), 403, []),
    ];
  };
  const all = keys.flatMap((_, place) => asks(place));
  for (let round = 0; round < ROUNDS; round++) await Promise.all(all.map((ask) => ask()));
  expect(decisions.size).toBe(KEYS * ROUNDS * 2);
});
