/** From nothing to a signed-in client, by the command line and servers as child processes alone. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { RpcClient } from "../../server/test/rpc-client.ts";
import { scramSignIn } from "../../server/test/scram-client.ts";
import { run, type Serving, serve, temporaryFolder } from "./chatelaine.ts";

const folder = temporaryFolder();
const data = join(folder, "data");
const on = (args: readonly string[], stdin = "") => run(["--data", data, ...args], { stdin });
const listensOn = (serving: Serving, scheme: "http" | "https"): string =>
  new RegExp(`Listening on (${scheme}://\\S+)`).exec(serving.said)?.[1] ?? "";
/** The certificate is ECDSA with SHA-256, so its binding is its fingerprint. */
const bindingOf = ({ said }: Serving): Uint8Array =>
  Buffer.from((/SHA-256: ([0-9A-F:]+)/.exec(said)?.[1] ?? "").replaceAll(":", ""), "hex");

let first: Serving;
let second: Serving;

beforeAll(async () => {
  first = await serve(data, ["--https", "127.0.0.1:0", "--anonymous-rate", "0"]);
  second = await serve(data, ["--anonymous-rate", "0"]);
});
afterAll(async () => {
  await Promise.all([first.stop(), second.stop()]);
  rmSync(folder, { recursive: true, force: true });
});

async function makeKey(name: string): Promise<{ id: string; text: string }> {
  const { stdout, code } = await on(["key", "create", "--user", "root", "--name", name]);
  expect(code).toBe(0);
  const text = stdout.trim();
  expect(text).toMatch(/^\d+-CK1[0-9A-Za-z]{61}$/);
  return { id: text.split("-")[0]!, text };
}

async function signsIn(serving: Serving, text: string): Promise<string> {
  const rpc = await RpcClient.connect(listensOn(serving, "http"));
  const login = { mechanism: "API_KEY_PLAIN", username: "root", api_key: text };
  const { response_type } = await rpc.result<{ response_type: string }>("auth.login_ex", login);
  rpc.close();
  return response_type;
}

describe("the first key", () => {
  let text = "";

  test("is made beside a running server and printed alone", async () => {
    const made = await on(
      ["user", "create", "root", "--role", "FULL_ADMIN", "--password-stdin"],
      "a long password",
    );
    expect(made.code).toBe(0);
    await on(["user", "create", "spare", "--role", "FULL_ADMIN"]);
    ({ text } = await makeKey("ci"));
  });

  test("signs in at once by PLAIN, and by SCRAM bound over wss and unbound over ws", async () => {
    expect(await signsIn(first, text)).toBe("SUCCESS");
    const secure = await RpcClient.connect(listensOn(first, "https"));
    const bound = await scramSignIn(secure, { username: "root", text }, bindingOf(first));
    expect(bound.user_info?.account_attributes).toContain("SCRAM");
    const plain = await RpcClient.connect(listensOn(first, "http"));
    expect((await scramSignIn(plain, { username: "root", text })).user_info).not.toBeNull();
    secure.close();
    plain.close();
  });

  test("can be made with no server running, and signs in when one runs again", async () => {
    await first.stop();
    await second.stop();
    const { text: offline } = await makeKey("offline");
    first = await serve(data, ["--https", "127.0.0.1:0", "--anonymous-rate", "0"]);
    second = await serve(data, ["--anonymous-rate", "0"]);
    expect(await signsIn(first, offline)).toBe("SUCCESS");
    expect(await signsIn(second, text)).toBe("SUCCESS");
  });

  test.each<[string, (id: string) => readonly string[], string]>([
    ["pause", (id) => ["key", "pause", id], "AUTH_ERR"],
    ["revoke", (id) => ["key", "revoke", id, "--reason", "test"], "AUTH_ERR"],
    ["reset", (id) => ["key", "reset", id], "AUTH_ERR"],
    ["delete", (id) => ["key", "delete", id], "AUTH_ERR"],
    ["lock", () => ["user", "lock", "root"], "AUTH_ERR"],
  ])(
    "after %s signs in nowhere, and its open sockets are closed, on both servers",
    async (_what, args, said) => {
      const { id, text: doomed } = await makeKey(`doomed-${args("x")[1]}`);
      const open = await Promise.all(
        [first, second].map((serving) => RpcClient.connect(listensOn(serving, "http"))),
      );
      for (const rpc of open) await rpc.signIn("root", doomed);
      expect((await on(args(id))).code).toBe(0);
      for (const serving of [first, second]) expect(await signsIn(serving, doomed)).toBe(said);
      for (const rpc of open) expect((await rpc.closed)[0]).toBe(1000);
      await on(["user", "unlock", "root"]);
    },
  );
});
