import { afterAll, beforeAll, expect, test } from "bun:test";
import { BARE, type Installation, install, MAIN } from "./chatelaine.ts";

let here: Installation;

beforeAll(async () => {
  here = await install();
});
afterAll(() => here?.remove());

/** Runs a command on a terminal; each answer is typed when its question has come. */
async function talk(
  args: readonly string[],
  answers: readonly (readonly [question: string, typed: string])[],
): Promise<{ code: number; seen: string }> {
  let seen = "";
  const waiting = [...answers];
  const child = Bun.spawn([process.execPath, MAIN, "--data", here.data, ...args], {
    env: { ...BARE, TERM: "xterm" },
    timeout: 20_000,
    killSignal: "SIGKILL",
    terminal: {
      data: (terminal, bytes) => {
        seen += new TextDecoder().decode(bytes);
        const next = waiting[0];
        if (next === undefined || !seen.includes(next[0])) return;
        waiting.shift();
        terminal.write(next[1]);
      },
    },
  });
  const code = await child.exited;
  child.terminal?.close();
  return { code, seen };
}

test("a new password is typed twice on a terminal and is not seen", async () => {
  const password = "correct horse battery";
  const { code, seen } = await talk(
    ["user", "set-password", "root"],
    [
      ["New password: ", `wrong\u0015${password}!\u007f\r`],
      ["Once more: ", `${password}\r`],
    ],
  );
  expect(code).toBe(0);
  expect(seen).not.toContain("horse");
  expect(await here.json(["user", "show", "root"])).toMatchObject({ has_password: true });
});

test("two different passwords change nothing, and neither does Ctrl-C", async () => {
  const differ = await talk(
    ["user", "set-password", "root"],
    [
      ["New password: ", "correct horse battery\r"],
      ["Once more: ", "correct horse batterie\r"],
    ],
  );
  expect(differ.code).toBe(1);
  expect(differ.seen).toContain("The two passwords differ.");
  const interrupted = await talk(["user", "set-password", "root"], [["New password: ", "correct\u0003"]]);
  expect(interrupted.code).toBe(1);
});

test("a key to verify is typed or pasted on a terminal and is not seen", async () => {
  const { key } = await here.json(["key", "create", "--user", "root", "--name", "typed"]);
  const { code, seen } = await talk(["key", "verify"], [["Key: ", `${key}\r`]]);
  expect(code).toBe(0);
  expect(seen).toContain('"typed", of root');
  expect(seen).not.toContain(String(key));
});
