/** The documentation is open to everyone who can reach the server, unless the settings say otherwise. */
import { expect, test } from "bun:test";
import { bearer, openRest } from "./rest-app.ts";

const PATHS = [
  "/api/docs",
  "/api/docs/current",
  "/api/docs/current/console",
  "/api/openapi.json",
  "/api/openrpc.json",
];

test("closed documentation is for anyone who is signed in, by key or in the browser", async () => {
  await using rest = await openRest();
  const auth = bearer(await rest.key("ada", "admin"));
  const statuses = async (headers: Record<string, string>): Promise<number[]> => {
    const answers = PATHS.map((path) => rest.send(`GET ${path}`, { headers }));
    return (await Promise.all(answers)).map(({ status }) => status);
  };
  const open = [302, 200, 200, 200, 200];
  expect(await statuses({})).toEqual(open);
  const changed = await rest.send("PATCH /settings", { headers: auth, body: { docs: "signed_in" } });
  expect([changed.status, changed.json.docs]).toEqual([200, "signed_in"]);
  expect(await statuses({})).toEqual([401, 401, 401, 401, 401]);
  expect(await statuses(bearer(`1-${"A".repeat(64)}`))).toEqual([401, 401, 401, 401, 401]);
  expect(await statuses(auth)).toEqual(open);
  const { Cookie = "" } = await rest.browser("ada");
  expect(await statuses({ Cookie })).toEqual(open);
  const refused = await rest.send("GET /api/docs/current");
  expect([refused.json.code, refused.headers.get("content-security-policy")]).toEqual([
    "not_authenticated",
    expect.stringContaining("script-src 'self'"),
  ]);
  const wrong = await rest.send("PATCH /settings", { headers: auth, body: { docs: "nobody" } });
  expect(wrong.status).toBe(422);
});
