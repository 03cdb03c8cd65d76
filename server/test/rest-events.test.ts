import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { bearer, openRest, type RestApp, SYSTEM, until } from "./rest-app.ts";

let rest: RestApp;

beforeAll(async () => {
  rest = await openRest();
  await rest.user("bob", ["KEY_HOLDER"]);
});
afterAll(() => rest[Symbol.asyncDispose]());

interface Message {
  readonly event: string;
  readonly id: string;
  readonly data: { kind?: string; action?: string; id?: number; name?: string };
}

interface Listening extends Disposable {
  readonly messages: Message[];
  isOver: boolean;
}

async function listen(headers: Record<string, string>, lastEventId?: string): Promise<Listening> {
  const stop = new AbortController();
  const response = await fetch(`${rest.url}/api/v1/events`, {
    headers: { ...headers, ...(lastEventId && { "Last-Event-ID": lastEventId }) },
    signal: stop.signal,
  });
  expect([response.status, response.headers.get("content-type")]).toEqual([200, "text/event-stream"]);
  const listening = { messages: [] as Message[], isOver: false, [Symbol.dispose]: () => stop.abort() };
  void (async () => {
    let text = "";
    const decoder = new TextDecoder();
    try {
      for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
        text += decoder.decode(chunk, { stream: true });
        const blocks = text.split("\n\n");
        text = blocks.pop()!;
        for (const block of blocks.filter((one) => one.startsWith("event:"))) {
          const [event, id, data] = block.split("\n").map((line) => line.slice(line.indexOf(": ") + 2));
          listening.messages.push({ event: event!, id: id!, data: JSON.parse(data!) });
        }
      }
    } catch {
      // The test has heard enough.
    }
    listening.isOver = true;
  })();
  await until(() => listening.messages.length > 0);
  return listening;
}

const keyEvents = ({ messages }: Listening) =>
  messages.filter(({ data }) => data.kind === "key").map(({ data }) => `${data.action} ${data.name}`);

describe("the stream of events", () => {
  test("tells every change of keys as it happens, without a secret in it", async () => {
    using ada = await listen(await rest.browser("ada"));
    const { key, secret } = await rest.app.keys.create(SYSTEM, { name: "first", username: "ada" });
    await rest.app.keys.pause(SYSTEM, key.id);
    await rest.app.keys.remove(SYSTEM, key.id);
    await until(() => keyEvents(ada).length === 3);
    expect(ada.messages[0]!.event).toBe("ready");
    expect(keyEvents(ada)).toEqual(["added first", "changed first", "removed first"]);
    expect(JSON.stringify(ada.messages)).not.toContain(secret.text.slice(-20));
  });

  test("resumes where it was, and marks what was missed", async () => {
    const headers = await rest.browser("ada");
    let last: string;
    {
      using before = await listen(headers);
      await rest.key("ada", "seen");
      await until(() => keyEvents(before).includes("added seen"));
      last = before.messages.at(-1)!.id;
    }
    await rest.key("ada", "while away");
    using resumed = await listen(headers, last);
    await until(() => keyEvents(resumed).length === 1);
    expect(keyEvents(resumed)).toEqual(["added while away"]);
    await rest.restart();
    using late = await listen({ ...headers, Origin: rest.url }, last);
    await until(() => late.messages.length === 2);
    expect(late.messages.map(({ event }) => event)).toEqual(["ready", "missed"]);
    using fresh = await listen({ ...headers, Origin: rest.url });
    expect(fresh.messages.map(({ event }) => event)).toEqual(["ready"]);
  });

  test("shows a holder what is his own, and administrators users and sessions too", async () => {
    using bob = await listen(await rest.browser("bob"));
    using ada = await listen(await rest.browser("ada"));
    await rest.key("ada", "ada's");
    await rest.key("bob", "bob's");
    await rest.user("carol", ["KEY_HOLDER"]);
    await rest.browser("carol");
    await until(() =>
      ["key", "user", "session"].every((kind) => ada.messages.some(({ data }) => data.kind === kind)),
    );
    await until(() => keyEvents(bob).length === 1);
    expect(keyEvents(bob)).toEqual(["added bob's"]);
    expect(bob.messages.some(({ data }) => data.kind === "user" || data.kind === "session")).toBe(false);
  });

  test("ends with the key and the session that opened it", async () => {
    const text = await rest.key("ada", "listener");
    using byKey = await listen(bearer(text));
    await rest.app.keys.revoke(SYSTEM, Number(text.split("-")[0]), "gone");
    await until(() => byKey.isOver);
    const { id } = await rest.user("dave", ["READONLY_ADMIN"]);
    using bySession = await listen(await rest.browser("dave"));
    await rest.app.accounts.users.lock(SYSTEM, id);
    await until(() => bySession.isOver);
  });

  test("is not for visitors", async () => {
    expect((await rest.send("GET /events")).status).toBe(401);
  });

  test("is read by the client, which connects again by itself", async () => {
    const client = rest.client(await rest.key("ada", "client"));
    const stop = new AbortController();
    const seen: string[] = [];
    const reading = (async () => {
      for await (const event of client.events({ signal: stop.signal, retryMsMax: 50 })) {
        seen.push(event.type === "change" ? `${event.change.kind} ${event.change.name}` : event.type);
      }
    })();
    await until(() => seen.includes("ready"));
    await rest.key("ada", "heard");
    await until(() => seen.includes("key heard"));
    stop.abort();
    await reading;
  });
});
