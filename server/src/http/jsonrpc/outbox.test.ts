import { expect, test } from "bun:test";
import { Outbox } from "./outbox.ts";

/** A socket whose client reads when it is told to. */
class SlowWire {
  readonly sent: string[] = [];
  buffered = 0;

  send(text: string): number {
    this.sent.push(text);
    this.buffered += text.length;
    return text.length;
  }

  getBufferedAmount(): number {
    return this.buffered;
  }
}

function open(): { wire: SlowWire; outbox: Outbox; isGivenUp: () => boolean } {
  const wire = new SlowWire();
  let isGivenUp = false;
  const outbox = new Outbox(wire, () => {
    isGivenUp = true;
  });
  return { wire, outbox, isGivenUp: () => isGivenUp };
}

const LONG = "x".repeat(2 << 20);

test("long answers go one by one to a client that is slow, and it is not given up for them", async () => {
  const { wire, outbox, isGivenUp } = open();
  const answers = Array.from({ length: 5 }, () => outbox.sendWhenRoom(LONG));
  for (let sent = 1; sent <= 5; sent++) {
    await Bun.sleep(0);
    expect(wire.sent).toHaveLength(sent);
    wire.buffered = 0;
    outbox.drained();
  }
  await Promise.all(answers);
  expect(isGivenUp()).toBe(false);
  outbox.close();
});

test("a client that leaves more than a megabyte of events unread is given up", async () => {
  const { outbox, isGivenUp } = open();
  await outbox.sendWhenRoom(LONG);
  for (let at = 0; at < 10; at++) outbox.send("y".repeat(100_000));
  expect(isGivenUp()).toBe(false);
  outbox.send("y".repeat(100_000));
  expect(isGivenUp()).toBe(true);
  outbox.close();
});

test("who waits for room does not wait for a socket that is gone", async () => {
  const { wire, outbox } = open();
  await outbox.sendWhenRoom(LONG);
  const late = outbox.sendWhenRoom(LONG);
  outbox.close();
  await late;
  await outbox.sendWhenRoom(LONG);
  expect(wire.sent).toHaveLength(1);
});
