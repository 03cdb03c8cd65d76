/** Changes keys as fast as it can, until it is killed; says each change on standard output once it was acknowledged. */

import { openLocal } from "../src/app.ts";
import { createLog } from "../src/log.ts";
import { SYSTEM } from "./installation.ts";

const WRITERS = 8;
const [, , data = "", state = ""] = process.argv;
const app = await openLocal({ data, state }, { log: createLog("error", "text") });

function acknowledge(change: object): void {
  process.stdout.write(`${JSON.stringify(change)}\n`);
}

async function write(writer: number): Promise<never> {
  for (let turn = 0; ; turn++) {
    const name = `${process.pid}-${writer}-${turn}`;
    const { key, secret } = await app.keys.create(SYSTEM, { name, username: "root" });
    acknowledge({ id: key.id, state: "active", text: secret.text });
    if (turn % 4 === 1) {
      await app.keys.revoke(SYSTEM, key.id, "crash");
      acknowledge({ id: key.id, state: "revoked", text: secret.text });
    }
    if (turn % 4 === 2) {
      const reset = await app.keys.reset(SYSTEM, key.id);
      acknowledge({ id: key.id, state: "active", text: reset.secret.text, dead: secret.text });
    }
    if (turn % 4 === 3) {
      await app.keys.remove(SYSTEM, key.id);
      acknowledge({ id: key.id, state: "gone", text: secret.text });
    }
  }
}

process.stdout.write("ready\n");
await Promise.all(Array.from({ length: WRITERS }, (_, writer) => write(writer)));
