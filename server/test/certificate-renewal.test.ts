import { afterAll, beforeAll, expect, test } from "bun:test";
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { connect as connectPlain } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import type { Server } from "../src/server.ts";
import { type Folder, makeInstallation, SYSTEM } from "./installation.ts";
import { RpcClient } from "./rpc-client.ts";
import { scramSignIn } from "./scram-client.ts";

const CLIENTS = 8;
const RENEWALS = 12;

let folder: Folder;
let files: string;

beforeAll(async () => {
  folder = await makeInstallation();
  files = mkdtempSync(join(tmpdir(), "chatelaine-renewal-"));
  for (const name of ["0", "1"]) {
    const out = ["-keyout", join(files, `${name}.key`), "-out", join(files, `${name}.pem`)];
    const kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
    const made = Bun.spawnSync(["openssl", "req", "-x509", ...kind, "-subj", "/CN=localhost", ...out]);
    if (made.exitCode !== 0) throw new Error(made.stderr.toString());
  }
});

afterAll(async () => {
  rmSync(files, { recursive: true, force: true });
  await folder[Symbol.asyncDispose]();
});

test("a renewed certificate refuses and cuts nobody, and every new connection sees it", async () => {
  const server = await serveBrought();
  const before = server.fingerprint!;
  const open = await RpcClient.connect(server.urls[1]!);
  const load = startLoad(() => askOnce(Number(new URL(server.urls[1]!).port), "close"));
  for (let renewal = 1; renewal < RENEWALS; renewal++) {
    await load.answers(20);
    bring(renewal % 2);
    await server.refreshCertificate();
  }
  const port = Number(new URL(server.urls[1]!).port);
  const after = (await askOnce(port, "close")).fingerprint;
  expect(after).not.toBe(before);
  for (let again = 0; again < 50; again++) expect((await askOnce(port, "close")).fingerprint).toBe(after!);
  expect(await load.end()).toEqual([]);
  expect(await open.result("core.ping")).toBe("pong");
  await server.close();
});

test("a socket from before a renewal still signs in by SCRAM bound to the certificate that it was opened with", async () => {
  const server = await serveBrought();
  await server.app.users.create(SYSTEM, { username: "root", roles: ["FULL_ADMIN"] });
  const { secret } = await server.app.keys.create(SYSTEM, { name: "root", username: "root" });
  const key = { username: "root", text: secret.text };
  const binding = Buffer.from(server.fingerprint!.replaceAll(":", ""), "hex");
  const old = await RpcClient.connect(server.urls[1]!);
  bring(1);
  await server.refreshCertificate();
  expect((await scramSignIn(old, key, binding)).response_type).toBe("SCRAM_RESPONSE");
  const fresh = await RpcClient.connect(server.urls[1]!);
  expect((await scramSignIn(fresh, key, binding)).response_type).toBe("AUTH_ERR");
  await server.close();
});

test("connections that are in use when the server stops are told so with an answer, and none is cut before it", async () => {
  const server = await folder.serve();
  const port = Number(new URL(server.urls[0]!).port);
  const ends = Array.from({ length: CLIENTS }, () => askUntilLast(port));
  await Promise.all(ends.map(({ begun }) => begun));
  await server.close();
  for (const { last } of ends) expect(await last).toMatch(/connection: close/i);
});

async function serveBrought(): Promise<Server> {
  bring(0);
  return folder.serve({
    https: "127.0.0.1:0",
    cert: join(files, "now.pem"),
    key: join(files, "now.key"),
  });
}

function bring(which: number): void {
  for (const kind of ["pem", "key"])
    copyFileSync(join(files, `${which}.${kind}`), join(files, `now.${kind}`));
}

function startLoad(ask: () => Promise<{ fault?: string | undefined }>) {
  const faults: string[] = [];
  let isOver = false;
  let answered = 0;
  const clients = Array.from({ length: CLIENTS }, async () => {
    while (!isOver) {
      const { fault } = await ask();
      if (fault) faults.push(fault);
      answered++;
    }
  });
  return {
    answers: async (more: number): Promise<void> => {
      for (const wanted = answered + more; answered < wanted; ) await Bun.sleep(1);
    },
    end: async (): Promise<string[]> => {
      isOver = true;
      await Promise.all(clients);
      return faults;
    },
  };
}

const ask = (end: "close" | "keep-alive"): string =>
  `GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: ${end}\r\n\r\n`;

/** One request on a connection of its own. */
function askOnce(port: number, end: "close"): Promise<{ fingerprint?: string; fault?: string }> {
  return new Promise((resolve) => {
    let fingerprint = "";
    let text = "";
    const socket = connectTls({ port, host: "127.0.0.1", rejectUnauthorized: false }, () => {
      fingerprint = socket.getPeerCertificate().fingerprint256;
      socket.write(ask(end));
    });
    socket.on("data", (data) => {
      text += data;
    });
    socket.on("error", (error) => resolve({ fault: (error as NodeJS.ErrnoException).code ?? error.message }));
    socket.on("close", () =>
      resolve(text.startsWith("HTTP/1.1 200") ? { fingerprint } : { fault: "no answer" }),
    );
  });
}

/** Asks again and again on one connection. `last` is the answer after which it was closed, or what cut it before one. */
function askUntilLast(port: number): { begun: Promise<void>; last: Promise<string> } {
  const begun = Promise.withResolvers<void>();
  const last = Promise.withResolvers<string>();
  const socket = connectPlain({ port, host: "127.0.0.1" }, () => socket.write(ask("keep-alive")));
  let answer = "";
  socket.on("data", (data) => {
    answer += data;
    if (!answer.endsWith("ok\n")) return;
    begun.resolve();
    if (/connection: close/i.test(answer)) return last.resolve(answer);
    answer = "";
    socket.write(ask("keep-alive"));
  });
  socket.on("error", (error) => last.resolve(`cut: ${error.message}`));
  socket.on("close", () => last.resolve("cut between two answers"));
  return { begun: begun.promise, last: last.promise };
}
