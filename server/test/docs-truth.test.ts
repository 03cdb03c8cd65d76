/** What the built-in pages tell to do is done here, as they say it. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as openRpc from "@open-rpc/meta-schema";
import Ajv from "ajv";
import { scramKeys } from "../src/crypto.ts";
import { EXAMPLE_KEY_TEXT } from "../src/truenas/examples.ts";
import { FACTS } from "../src/truenas/results.ts";
import { createDialect } from "../src/truenas/truenas.ts";
import { V25_04 } from "../src/truenas/v25-04.ts";
import { V25_10 } from "../src/truenas/v25-10.ts";
import { V26_00 } from "../src/truenas/v26-00.ts";
import { V27_00 } from "../src/truenas/v27-00.ts";
import { bearer, openRest, type RestApp, SYSTEM, until } from "./rest-app.ts";
import { RpcClient } from "./rpc-client.ts";

const VERSIONS = [V25_04, V25_10, V26_00, V27_00];

const DECISION = "0b6c9d0e-3b0e-4a5e-8a4e-1d1f1e4a7a10";
const CLIENT_NONCE = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const NONCE = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+Pw==";
const SALT = "MDEyMzQ1Njc4OWFiY2RlZg==";

/** As the page on SCRAM gives it: a key of nobody. */
const VECTOR = {
  body: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789ab",
  clientKey: "irhoDJgaYRoIDzTcQ2B8KwXHwvPhF2LX+UqJdNyxDOWbuTAbWSqa6yk6TzbH6AkOv4YCwtwmRWJP5UhjWrIeYg==",
  storedKey: "i/m+buURTt9COgYXaJLoFrHqUqGGVudBNCah7uu6oPNLxgNm5ef6iqCNyHwFOaWfN9NBcs6TRr4ueAKVZpYzpA==",
  serverKey: "V6EDPQ6VBkZgoMjBvOi+4sJxd6FeoWT6r9sYAUIrGsmRSySApFhLxpsdQarIVMe3DR7JIVMTFJgniso9GxUpYA==",
  binding: "89eee6b6c7541508d753a43e2aaf9267e81f1c8e4302146769742c93d293077c",
  clientFirst: `n,,n=root:7,r=${CLIENT_NONCE}`,
  serverFirst: `r=${NONCE},s=${SALT},i=50000`,
  clientFinal: `c=biws,r=${NONCE},p=5R3IribXNm/5sZ+5T42s3Ebx9gAMhpwZFQWi4UEG5+KQsVAfNpXX4KjqgOnUQH9jWBN16HbBmCYXOc/66vSuug==`,
  serverFinal: "v=S8z5n9448QfawbZnT+ohOdYUbtLSkfrqrIyR7f2bf5F/C8rYYaWjETGnt6Aw/kZFYq9ofPC+hm9rNkeseJr67A==",
  boundFinal: `c=cD10bHMtc2VydmVyLWVuZC1wb2ludCwsie7mtsdUFQjXU6Q+Kq+SZ+gfHI5DAhRnaXQsk9KTB3w=,r=${NONCE},p=21Gmqs/HWo5+sn9YKJglhwF10bIPOBiQyfDc4/qvvbaaOzOzQDEVJ1Am9x64J6boExanGvWj55P1i9zOzKz1mg==`,
  boundServerFinal:
    "v=3R2EUDEpDYlRMBwdshZWJqEW50c9itqN/VUuaguwUxHFlsa3IXEwZVW0dpkhI8oQ1jOUA7XJthpwGHPEfQvhRg==",
} as const;

let rest: RestApp;

beforeAll(async () => {
  rest = await openRest();
});
afterAll(() => rest[Symbol.asyncDispose]());

/** The blocks of a page, as a reader copies them. */
async function blocks(path: string): Promise<string[]> {
  const { status, text } = await rest.send(`GET /api/docs/current/${path}`);
  expect(status).toBe(200);
  return blocksOf(text);
}

function blocksOf(text: string): string[] {
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

/** With the values that a reader puts in: his name, and the numbers of a key and of a decision about it. */
async function shell(command: string, key: string): Promise<{ exit: number; output: string }> {
  const [id = ""] = key.split("-");
  const why = { reason: "paused", rule: "The key is paused", address: null, host: null };
  rest.app.usage.refuse({ decision: DECISION, keyId: Number(id), at: Date.now(), ...why });
  const filled = command
    .replaceAll("USER", "ada")
    .replaceAll("KEY_ID", id)
    .replaceAll("DECISION_ID", DECISION)
    .replace("$(uuidgen)", "uuid-1");
  const child = Bun.spawn(["sh", "-c", filled], {
    env: { ...process.env, CHATELAINE_KEY: key },
    stdout: "pipe",
    stderr: "ignore",
  });
  const output = await new Response(child.stdout).text();
  return { exit: await child.exited, output };
}

describe("the commands of the guides", () => {
  const PAGES = [
    "",
    "send-a-key",
    "make-a-key",
    "why-refused",
    "expiring-keys",
    "scram",
    "rotate-a-key",
    "guard-a-service",
  ];

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
        expect(answer.id ?? answer.entries ?? answer.decision ?? answer.counts ?? answer.valid).toBeDefined();
        // A second example that makes a key of the same name would fail for that alone.
        if (command.includes("-X POST") && typeof answer.id === "number")
          await rest.app.keys.remove(SYSTEM, answer.id);
      }
    });
  }

  test("trust the server's own authority over https", async () => {
    await using secure = await openRest({ http: "off", https: "127.0.0.1:0" });
    const page = await fetch(`${secure.url}/api/docs/current/send-a-key`, {
      tls: { rejectUnauthorized: false },
    });
    const found = blocksOf(await page.text()).filter((block) => /ca\.pem/.test(block));
    const folder = mkdtempSync(join(tmpdir(), "chatelaine-ca-"));
    const env = { ...process.env, CHATELAINE_KEY: await secure.key("ada", "over https") };
    const run = Bun.spawn(["sh", "-ec", found.join("\n")], {
      cwd: folder,
      env,
      stdout: "pipe",
      stderr: "ignore",
    });
    expect(await new Response(run.stdout).json()).toMatchObject({ name: "over https" });
    rmSync(folder, { recursive: true, force: true });
  });

  test("rotate a key, and leave the new one in the place of the old one", async () => {
    const old = await rest.key("ada", "rotated");
    const [rotate] = (await blocks("rotate-a-key")).filter((block) => block.startsWith("answer="));
    const { exit, output } = await shell(`${rotate}\nprintf %s "$CHATELAINE_KEY"`, old);
    expect(exit).toBe(0);
    const ask = async (key: string) => (await rest.send("GET /keys/self", { headers: bearer(key) })).status;
    expect([output === old, await ask(output), await ask(old)]).toEqual([false, 200, 401]);
  });

  test("that reproduce the vector of SCRAM in Python give what the page says", async () => {
    const [program] = (await blocks("scram")).filter((block) => block.includes(VECTOR.body));
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
    const page = plainText((await rest.send("GET /api/docs/current/scram")).text);
    for (const value of Object.values(VECTOR)) expect(page).toContain(value);
    const keys = await scramKeys(VECTOR.body, Buffer.from("0123456789abcdef"), 50_000);
    expect(Buffer.from(keys.storedKey).toString("base64")).toBe(VECTOR.storedKey);
  });

  test("sign in by SCRAM with nothing but Python, over http and over https", async () => {
    await using secure = await openRest({ http: "off", https: "127.0.0.1:0" });
    const folder = mkdtempSync(join(tmpdir(), "chatelaine-ca-"));
    const tls = { rejectUnauthorized: false };
    const ca = await fetch(`${secure.url}/ca.pem`, { tls });
    writeFileSync(join(folder, "ca.pem"), await ca.text());
    for (const app of [rest, secure]) {
      const page = await fetch(`${app.url}/api/docs/current/scram`, { tls });
      const [program] = blocksOf(await page.text()).filter((block) => block.includes("socket"));
      const signIn = async (key: string) => {
        const run = Bun.spawn(["python3", "-c", program!.replaceAll('USER"', 'ada"')], {
          env: { ...process.env, CHATELAINE_KEY: key, SSL_CERT_FILE: join(folder, "ca.pem") },
          stdout: "pipe",
          stderr: "ignore",
        });
        return [await new Response(run.stdout).text(), await run.exited];
      };
      const key = await app.key("ada", "by SCRAM");
      expect(await signIn(key)).toEqual(["Signed in as ada\n", 0]);
      expect(await signIn(`${key.split("-")[0]}-${"A".repeat(64)}`)).toEqual(["", 1]);
    }
    rmSync(folder, { recursive: true, force: true });
  });

  test("in Python and TypeScript run too", async () => {
    const key = await rest.key("ada", "languages");
    const [python] = (await blocks("")).filter((block) => block.startsWith("import json"));
    const run = Bun.spawn(["python3", "-c", python!], {
      env: { ...process.env, CHATELAINE_KEY: key },
      stdout: "pipe",
      stderr: "inherit",
    });
    expect(await new Response(run.stdout).text()).toContain("languages");
    expect(await run.exited).toBe(0);
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
    const [service] = (await blocks("guard-a-service")).filter((block) => block.includes("Bun.serve("));
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

describe("the nginx of the guide", () => {
  test("lets through whom the guide says, with his name, and keeps the key from the service", async () => {
    const [recipe] = (await blocks("guard-a-service")).filter((block) => block.startsWith("location /"));
    const seen: string[] = [];
    const service = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch: ({ headers }) => {
        const names = ["remote-user", "authorization", "x-api-key"];
        seen.push(names.map((name) => headers.get(name) ?? "").join("|"));
        return new Response("in");
      },
    });
    const folder = mkdtempSync(join(tmpdir(), "chatelaine-nginx-"));
    const port = await freePort();
    writeFileSync(
      join(folder, "nginx.conf"),
      `daemon off; pid ${folder}/pid; error_log stderr; events {}
http { access_log off; client_body_temp_path ${folder}/b; proxy_temp_path ${folder}/p; fastcgi_temp_path ${folder}/f;
uwsgi_temp_path ${folder}/u; scgi_temp_path ${folder}/s;
server { listen 127.0.0.1:${port}; ${recipe!.replace("127.0.0.1:3911", `127.0.0.1:${service.port}`)} } }`,
    );
    const nginx = Bun.spawn(["nginx", "-p", folder, "-c", "nginx.conf"], { stderr: "ignore" });
    const ask = async (key?: string): Promise<number> => {
      const headers = { "Remote-User": "somebody else", ...(key !== undefined && bearer(key)) };
      return (await fetch(`http://127.0.0.1:${port}/`, { headers })).status;
    };
    try {
      await until(() =>
        ask().then(
          () => true,
          () => false,
        ),
      );
      await rest.user("unscoped", ["KEY_HOLDER"]);
      const keys = [await rest.key("ada", "behind"), await rest.key("unscoped", "none"), "1-nope", undefined];
      const statuses: number[] = [];
      for (const key of keys) statuses.push(await ask(key));
      expect(statuses).toEqual([200, 403, 401, 401]);
      expect(seen).toEqual(["ada||"]);
    } finally {
      nginx.kill();
      await nginx.exited;
      await service.stop(true);
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

async function freePort(): Promise<number> {
  const taken = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response() });
  const { port } = taken;
  await taken.stop(true);
  return port!;
}

/** Of each method's page: the frames, and the same for the official clients. */
interface Shown {
  readonly call: { method: string; params: unknown[] };
  readonly result: unknown;
  readonly python: string;
  readonly typescript: string;
}

async function shownExample(version: string, method: string): Promise<Shown> {
  const { text } = await rest.send(`GET /api/docs/${version}/methods/${method}`);
  const found = blocksOf(text);
  const [call, reply] = found.filter((block) => block.startsWith('{"jsonrpc"')).map((one) => JSON.parse(one));
  const python = found.find((block) => block.startsWith("from truenas_api_client"))!;
  const typescript = found.find((block) => block.startsWith("import { createTrueNasClient"))!;
  return { call, result: reply.result, python, typescript };
}

/** What the examples cannot bring about, because there is no such thing here. */
const NEVER = ["auth.login_ex_continue", "auth.generate_onetime_password", "auth.twofactor.update"];
const LITERALS = `import ast, json, sys
def call(text):
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "call":
            return [ast.literal_eval(one) for one in node.args]
print(json.dumps([call(text) for text in json.load(sys.stdin)]))`;

/** After these the key 7 or the user 2 is not any more what it was. */
const SPENT = ["api_key.update", "api_key.delete", "user.delete"];

/** Where there are the key 7 of `ada` and the user 2. */
async function openPrepared(): Promise<{ app: RestApp; key: string; caller: string }> {
  const app = await openRest();
  await app.user("build", ["KEY_HOLDER"]);
  const keys: string[] = [];
  for (let number = 1; number <= 7; number++) keys.push(await app.key("ada", `key ${number}`));
  return { app, key: keys[6]!, caller: keys[0]! };
}

describe("the examples of the JSON-RPC methods", () => {
  for (const version of VERSIONS) {
    test(`of ${version.name} do what they say where there are the key 7 and the user 2`, async () => {
      const { methods } = createDialect(rest.app).documented.find(({ name }) => name === version.name)!;
      const shown = await Promise.all(methods.map(({ name }) => shownExample(version.name, name)));
      let place = await openPrepared();
      for (const { call, result, typescript } of shown) {
        const name = call.method;
        const socket = await RpcClient.connect(place.app.url, { path: `/api/${version.name}` });
        await socket.signIn("ada", place.caller);
        const params = JSON.parse(JSON.stringify(call.params).replaceAll(EXAMPLE_KEY_TEXT, place.key));
        const answer = await socket.call(name, ...params);
        socket.close();
        expect([name, answer.error === undefined]).toEqual([name, !NEVER.includes(name)]);
        const schema = FACTS[name]!.result(version);
        const told = answer.error === undefined ? [answer.result, result] : [result];
        for (const one of told) expect([name, schema.safeParse(one).error]).toEqual([name, undefined]);
        new Bun.Transpiler({ loader: "ts" }).transformSync(typescript);
        const [, inTypescript = ""] = /client\.api\.call\((.*)\)\)\);/.exec(typescript) ?? [];
        expect(JSON.parse(`[${inTypescript}]`)).toEqual([name, call.params]);
        if (!SPENT.includes(name)) continue;
        await place.app[Symbol.asyncDispose]();
        place = await openPrepared();
      }
      await place.app[Symbol.asyncDispose]();
      const run = Bun.spawn(["python3", "-c", LITERALS], {
        stdin: new Blob([JSON.stringify(shown.map(({ python }) => python))]),
        stdout: "pipe",
        stderr: "inherit",
      });
      const calls = shown.map(({ call }) => [call.method, ...call.params]);
      expect(await new Response(run.stdout).json()).toEqual(calls);
    }, 240_000);
  }
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
