import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { Event } from "@chatelaine/contract/operations/system";
import { movedClock } from "./installation.ts";
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

async function listen(
  headers: Record<string, string>,
  lastEventId?: string,
  url = rest.url,
): Promise<Listening> {
  const stop = new AbortController();
  const response = await fetch(`${url}/api/v1/events`, {
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
    for (const { event, data } of ada.messages)
      expect([data, event === "ready" || Event.safeParse(data).success]).toEqual([data, true]);
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
    await rest.app.users.lock(SYSTEM, id);
    await until(() => bySession.isOver);
  });

  test("ends at sign-out and when somebody ends the session, and tells nothing after", async () => {
    await rest.user("erin", ["READONLY_ADMIN"]);
    const ends: readonly ((own: Record<string, string>) => Promise<unknown>)[] = [
      (own) => rest.send("DELETE /session", { headers: own }),
      async () => rest.send("DELETE /sessions", { headers: await rest.browser("ada") }),
    ];
    for (const end of ends) {
      const own = { ...(await rest.browser("erin")), Origin: rest.url };
      using stream = await listen(own);
      await end(own);
      const name = crypto.randomUUID();
      await rest.key("ada", name);
      await until(() => stream.isOver);
      expect(keyEvents(stream)).not.toContain(`added ${name}`);
    }
  });

  test("shows a key no more than the groups of its user still grant", async () => {
    const { groups } = rest.app;
    await groups.create(SYSTEM, { name: "readers", roles: ["API_KEY_READ"], scopes: [] });
    await rest.user("gina", ["KEY_HOLDER"]);
    await groups.addMember(SYSTEM, { name: "readers", username: "gina" });
    using stream = await listen(bearer(await rest.key("gina", "ginas")));
    await rest.key("ada", "granted");
    await until(() => keyEvents(stream).includes("added granted"));
    const { key } = await rest.app.keys.create(SYSTEM, { name: "taken away", username: "ada" });
    await until(() => keyEvents(stream).includes("added taken away"));
    // Both are taken in at once, and the second is told while it is asked what the reader may.
    await groups.removeMember(SYSTEM, { name: "readers", username: "gina" });
    await rest.app.keys.update(SYSTEM, key.id, { description: "x" });
    await rest.key("gina", "her own");
    await until(() => keyEvents(stream).includes("added her own"));
    expect(keyEvents(stream)).not.toContain("changed taken away");
  });

  test("goes on without spending from the rate limit of its key, and says no more to a key that was narrowed", async () => {
    const rateLimit = { limit: 1, windowSeconds: 3_600 };
    const { key, secret } = await rest.app.keys.create(SYSTEM, { name: "one", username: "ada", rateLimit });
    using stream = await listen(bearer(secret.text));
    await rest.app.keys.update(SYSTEM, key.id, { roles: ["ACCOUNT_READ"], scopes: [] });
    await rest.key("ada", "not for it");
    await rest.user("frank", ["KEY_HOLDER"]);
    await until(() => stream.messages.some(({ data }) => data.name === "frank"));
    expect(keyEvents(stream)).not.toContain("added not for it");
  });

  test("says nothing to a key whose end has come", async () => {
    const clock = movedClock();
    await using apart = await openRest({}, { clock });
    const expiresAt = clock.now() + 60_000;
    const { secret } = await apart.app.keys.create(SYSTEM, { name: "short", username: "ada", expiresAt });
    using stream = await listen(bearer(secret.text), undefined, apart.url);
    clock.advance(60_000);
    await apart.key("ada", "too late");
    await until(() => stream.isOver);
    expect(keyEvents(stream)).not.toContain("added too late");
  });

  test("asked for by HEAD leaves no stream open", async () => {
    await rest.user("greg", ["KEY_HOLDER"]);
    const headers = bearer(await rest.key("greg", "heads"));
    for (let times = 0; times < 60; times++) {
      const { status } = await fetch(`${rest.url}/api/v1/events`, { method: "HEAD", headers });
      expect(status).toBe(200);
    }
    using stream = await listen(headers);
    expect(stream.messages[0]!.event).toBe("ready");
  });

  test("a forged or foreign Last-Event-ID shows nothing that one may not see, and is told as a gap", async () => {
    const headers = await rest.browser("bob");
    const forged = ["0", "x.1", "x.-1", "x.1e9", ".", "x.1, x.2", "%00", "x.9007199254740993"];
    for (const id of forged) {
      using stream = await listen(headers, id);
      await until(() => stream.messages.length === 2);
      expect([id, stream.messages.map(({ event }) => event)]).toEqual([id, ["ready", "missed"]]);
    }
    using ada = await listen(await rest.browser("ada"));
    const [boot] = ada.messages[0]!.id.split(".");
    using replayed = await listen(headers, `${boot}.0`);
    await rest.key("bob", "replay is over");
    await until(() => keyEvents(replayed).includes("added replay is over"));
    expect(keyEvents(replayed).filter((one) => !/bob|replay is over|greg|heads/.test(one))).toEqual([]);
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
