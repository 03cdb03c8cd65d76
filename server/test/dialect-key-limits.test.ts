/** The dialect knows nothing of what a key is held to: it neither shows it nor loses it. */
import { expect, test } from "bun:test";
import type { KeyFields } from "../src/domain/key.ts";
import { openRest, SYSTEM } from "./rest-app.ts";
import { RpcClient } from "./rpc-client.ts";

const LIMITS: KeyFields = {
  roles: ["API_KEY_READ"],
  scopes: ["dns:read"],
  allowedIps: ["127.0.0.0/8"],
  rateLimit: { limit: 1_000, windowSeconds: 60 },
  description: "Deploys",
  tags: ["web"],
};
const WORDS = /scope|allowed|rate|limit|description|tags|dns:read|"roles"|127\.0\.0\.0/;

for (const version of ["v25.04.0", "v25.10.0", "v26.0.0", "v27.0.0"]) {
  test(`api_key.* of ${version} neither shows what a key is held to, nor loses it in an edit or a reset`, async () => {
    await using rest = await openRest();
    const { keys } = rest.app;
    const text = await rest.key("ada", "caller");
    const { key } = await keys.create(SYSTEM, { name: "held", username: "ada", ...LIMITS });
    const socket = await RpcClient.connect(rest.url, { path: `/api/${version}` });
    await socket.signIn("ada", text);
    const shown = [
      await socket.result("api_key.query", [["id", "=", key.id]]),
      await socket.result("api_key.get_instance", key.id),
      await socket.result("api_key.update", key.id, { name: "renamed" }),
      await socket.result("api_key.update", key.id, { expires_at: null }),
      await socket.result("api_key.update", key.id, { reset: true }),
    ];
    for (const entry of shown) expect(JSON.stringify(entry)).not.toMatch(WORDS);
    expect(await keys.get(SYSTEM, key.id)).toMatchObject({ ...LIMITS, name: "renamed" });
    for (const member of ["scopes", "roles", "allowed_ips", "rate_limit"]) {
      const refused = await socket.call("api_key.update", key.id, { [member]: null });
      expect([member, refused.error?.code]).toEqual([member, -32602]);
    }
    expect(await keys.get(SYSTEM, key.id)).toMatchObject({ ...LIMITS });
    socket.socket.close();
  });
}
