/** What the built-in pages tell to do is done here, as they say it. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import * as openRpc from "@open-rpc/meta-schema";
import Ajv from "ajv";
import { scramKeys } from "../src/crypto.ts";
import { VECTOR } from "../src/transport/docs/scram-page.ts";
import { openRest, type RestApp } from "./rest-app.ts";

let rest: RestApp;

beforeAll(async () => {
  rest = await openRest();
});
afterAll(() => rest[Symbol.asyncDispose]());

/** The blocks of a page, as a reader copies them. */
async function blocks(path: string): Promise<string[]> {
  const { status, text } = await rest.send(`GET /api/docs/current/${path}`);
  expect(status).toBe(200);
  return [...text.matchAll(/<pre[^>]*>([\s\S]*?)<\/pre>/g)].map((match) => plainText(match[1]!));
}

function plainText(text: string): string {
  return text
    .replaceAll("&quot;", '"')
    .replaceAll("&#39;", "'")
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&amp;", "&");
}

async function shell(command: string, key: string): Promise<{ exit: number; output: string }> {
  const child = Bun.spawn(["sh", "-c", command.replaceAll("USER", "ada").replace("$(uuidgen)", "uuid-1")], {
    env: { ...process.env, CHATELAINE_KEY: key },
    stdout: "pipe",
    stderr: "ignore",
  });
  const output = await new Response(child.stdout).text();
  return { exit: await child.exited, output };
}

describe("the commands of the guides", () => {
  const PAGES = ["", "send-a-key", "make-a-key", "why-refused", "expiring-keys", "scram", "rotate-a-key"];

  for (const path of PAGES) {
    test(`of the page "${path}" do what it says`, async () => {
      const commands = (await blocks(path)).filter((block) => block.startsWith("curl"));
      expect(commands.length).toBeGreaterThan(0);
      for (const command of commands) {
        const key = await rest.key("ada", crypto.randomUUID());
        const { exit, output } = await shell(command, key);
        expect([command, exit]).toEqual([command, 0]);
        const answer = JSON.parse(output);
        expect(answer.status === undefined || typeof answer.status === "string").toBe(true);
        expect(answer.id ?? answer.entries).toBeDefined();
      }
    });
  }

  test("that reproduce the vector of SCRAM in Python give what the page says", async () => {
    const [program] = (await blocks("scram")).filter((block) => block.startsWith("import base64"));
    const run = Bun.spawn(["python3", "-c", program!], { stdout: "pipe", stderr: "inherit" });
    const output = await new Response(run.stdout).text();
    expect(await run.exited).toBe(0);
    expect(output.trim().split("\n")).toEqual([
      `client_key ${VECTOR.clientKey}`,
      `stored_key ${VECTOR.storedKey}`,
      `server_key ${VECTOR.serverKey}`,
      /p=.*/.exec(VECTOR.clientFinal)![0],
      VECTOR.serverFinal,
    ]);
    const keys = await scramKeys(VECTOR.body, Buffer.from("0123456789abcdef"), 50_000);
    expect(Buffer.from(keys.storedKey).toString("base64")).toBe(VECTOR.storedKey);
  });

  test("in Python and TypeScript run too", async () => {
    const key = await rest.key("ada", "languages");
    const [python] = (await blocks("")).filter((block) => block.startsWith("import json"));
    const run = Bun.spawn(["python3", "-c", python!], {
      env: { ...process.env, CHATELAINE_KEY: key },
      stdout: "pipe",
      stderr: "ignore",
    });
    if ((await Promise.race([run.exited, Bun.sleep(20_000)])) === 0) {
      expect(await new Response(run.stdout).text()).toContain("languages");
    }
    const [typescript] = (await blocks("")).filter((block) => block.startsWith("import { createClient"));
    const local = typescript!.replace(
      "@chatelaine/client/client",
      new URL("../../client/src/client.ts", import.meta.url).pathname,
    );
    const bun = Bun.spawn([process.execPath, "-e", local], {
      env: { ...process.env, CHATELAINE_KEY: key },
      stdout: "pipe",
      stderr: "inherit",
    });
    expect(await new Response(bun.stdout).text()).toContain("languages");
  });

  test("a guarded service lets in whom the guide says", async () => {
    const [service] = await blocks("guard-a-service");
    const child = Bun.spawn(
      [
        process.execPath,
        "-e",
        service!
          .replace("port: 3000", "port: 0")
          .replace("Bun.serve(", "console.log(Bun.serve(")
          .replace(/\}\);\s*$/, "}).url.href);"),
      ],
      {
        stdout: "pipe",
        stderr: "inherit",
      },
    );
    try {
      const reader = child.stdout.getReader();
      const url = new TextDecoder().decode((await reader.read()).value).trim();
      const ask = async (key: string) =>
        (await fetch(url, { headers: { Authorization: `Bearer ${key}` } })).status;
      await rest.user("plain", ["KEY_HOLDER"]);
      const [good, without] = [await rest.key("ada", "guarded"), await rest.key("plain", "unscoped")];
      expect([await ask(good), await ask(without), await ask("1-nope")]).toEqual([200, 403, 401]);
    } finally {
      child.kill();
      await child.exited;
    }
  });
});

describe("the OpenRPC document", () => {
  test("fits the meta-schema, and has every method with its parameters", async () => {
    const { json } = await rest.send("GET /api/openrpc.json");
    const { openrpcDocument } = openRpc as unknown as { openrpcDocument: object };
    // Its schema of schemas is on another host; that of parameters is Zod's to get right.
    const local = JSON.stringify(openrpcDocument).replaceAll(/"\$ref":"https:[^"]*"/g, '"title":"elsewhere"');
    const validate = new Ajv({ strict: false, logger: false, validateSchema: false }).compile(
      JSON.parse(local),
    );
    validate(json);
    expect(validate.errors ?? []).toEqual([]);
    const create = json.methods.find(({ name }: { name: string }) => name === "api_key.create");
    expect(create.params[0].schema.required).toEqual(["name", "username"]);
    for (const { name, result, errors, "x-since": since } of json.methods) {
      const codes = errors.map(({ code }: { code: number }) => code);
      expect([name, Object.keys(result.schema).length > 0, new Set(codes).size, since !== undefined]).toEqual(
        [name, true, codes.length, true],
      );
    }
  });
});
