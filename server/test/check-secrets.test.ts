/** R20 for the checking endpoints: a key that was put where none belongs stands in no log line, no answer and no file afterwards. */
import { expect, test } from "bun:test";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { createLog } from "../src/log.ts";
import { askRaw, openCheck } from "./check-app.ts";
import { SYSTEM } from "./installation.ts";

const NAMES = [
  "User-Agent",
  "X-Forwarded-For",
  "X-Forwarded-Host",
  "X-Forwarded-Proto",
  "X-Forwarded-Uri",
  "X-Auth-Scope",
  "X-Auth-Header",
  "X-Auth-Assert",
  "X-Auth-Challenge",
  "Referer",
  "Cookie",
  "X-API-Key",
  "Via",
];

test("a key in any header or query is kept nowhere", async () => {
  const lines: string[] = [];
  const log = createLog("debug", "json", (line) => lines.push(line));
  await using check = await openCheck({}, { log });
  const { id, text } = await check.key("ci");
  const { text: narrow } = await check.key("narrow", { scopes: [] });
  const body = text.slice(text.indexOf("-") + 1);
  const spelt = [
    text,
    `Bearer ${text}`,
    `curl ${text}`,
    encodeURIComponent(text),
    text.replace("-", "%2D"),
    btoa(text),
  ];
  const said: string[] = [];
  for (const value of spelt) {
    for (const name of NAMES)
      for (const path of ["/auth", "/auth?scope=dns:read", "/auth/x", "/auth/envoy/x"])
        for (const key of [text, narrow])
          said.push(
            await askRaw(check.url, [
              `GET ${path} HTTP/1.1`,
              "Host: localhost",
              `Authorization: Bearer ${key}`,
              `${name}: ${value}`,
            ]),
          );
    const query = encodeURIComponent(value);
    for (const target of [
      `/auth?key=${query}`,
      `/auth?scope=${query}`,
      `/auth/${query}?${query}`,
      `/auth/envoy/${query}?${query}`,
      `/metrics?${query}`,
    ])
      said.push(await askRaw(check.url, [`GET ${target} HTTP/1.1`, "Host: localhost"]));
    for (const question of [
      { key: narrow, scope: value },
      { key: text, ip: value },
      { [value]: 1, key: text },
      value,
    ])
      said.push(JSON.stringify(await check.verify(question)));
  }
  await check.app.usage.flush();
  const report = JSON.stringify(await check.app.usage.report(SYSTEM, id, 0));
  const metrics = await (await fetch(`${check.url}/metrics`)).text();
  const { path } = check.folder;
  const files = readdirSync(path, { recursive: true, encoding: "utf8" })
    .map((name) => join(path, name))
    .filter((name) => statSync(name).isFile());
  expect(files.length).toBeGreaterThan(4);
  const places = [
    ...files.map((name) => [name, readFileSync(name, "latin1")] as const),
    ["log", lines.join("")] as const,
    ["answers", said.join("\n")] as const,
    ["report", report] as const,
    ["metrics", metrics] as const,
  ];
  const secrets = [body, btoa(text).slice(0, 80)];
  // An answer goes to whoever sent it; what it repeats of an odd spelling is his own.
  for (const [name, content] of places)
    expect([
      name,
      (name === "answers" ? [body] : secrets).filter((secret) => content.includes(secret)),
    ]).toEqual([name, []]);
});
