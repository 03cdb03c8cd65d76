/** What the dialog of a new key offers to paste works as it stands, against the real thing. */
import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "../../cli/test/chatelaine.ts";
import { freePort, type ProxyName, runProxy, type Service, startService } from "../../cli/test/real-proxy.ts";
import { button, dialog, field } from "./page.ts";
import { addUser, closeBrowser, openScreens, type Screens } from "./screens.ts";

let screens: Screens;
let service: Service;
let key: string;
const snippets = new Map<string, { text: string; trial: string | undefined }>();

beforeAll(async () => {
  screens = await openScreens();
  service = startService();
  await addUser(screens, "ada", "FULL_ADMIN");
  const page = await screens.open("ada");
  await button(page, "Add").click();
  await field(dialog(page, "Add API Key"), "Name").fill("pasted");
  await button(dialog(page, "Add API Key"), "Save").click();
  const shown = dialog(page, "API Key");
  key = await field(shown, "Key").inputValue();
  for (const title of await shown.getByRole("tab").allInnerTexts()) {
    await shown.getByRole("tab", { name: title, exact: true }).click();
    await shown.getByRole("region", { name: title, exact: true }).waitFor();
    const [text = "", trial] = await shown.locator(".code-block code").allTextContents();
    snippets.set(title, { text, trial });
  }
});

afterEach(() => screens.closePages());

afterAll(async () => {
  await service[Symbol.asyncDispose]();
  await screens[Symbol.asyncDispose]();
  await closeBrowser();
});

test("there is one for curl, both clients, midclt and both proxies, with the key and this server's address", () => {
  expect([...snippets.keys()]).toEqual(["curl", "TypeScript", "Python", "midclt", "nginx", "Caddy"]);
  for (const [title, { text, trial = text }] of snippets) {
    expect([title, trial.includes(key)]).toEqual([title, true]);
    expect([title, text.includes(new URL(screens.url).host)]).toEqual([title, true]);
  }
});

test("those of curl and TypeScript run and are answered", async () => {
  const curl = await outputOf(["sh", "-c", snippets.get("curl")?.text ?? ""]);
  expect(JSON.parse(curl)).toMatchObject({ name: "pasted" });
  const script = await outputOf([process.execPath, "-e", snippets.get("TypeScript")?.text ?? ""]);
  expect(script).toContain("pasted");
});

async function outputOf(command: string[]): Promise<string> {
  const child = Bun.spawn(command, { cwd: join(import.meta.dir, ".."), stderr: "ignore" });
  return new Response(child.stdout).text();
}

test("those of the proxies are what the command line prints, and hold no key", async () => {
  const places = [
    "--for",
    "https://app.example",
    "--to",
    "http://127.0.0.1:3000",
    "--chatelaine",
    screens.url,
  ];
  const nginx = await run(["proxy", "nginx", "--snippet", ...places]);
  const caddy = await run(["proxy", "caddy", ...places]);
  expect(snippets.get("nginx")?.text).toBe(nginx.stdout.trimEnd());
  expect(snippets.get("Caddy")?.text).toBe(caddy.stdout.trimEnd());
  for (const title of ["nginx", "Caddy"]) expect(snippets.get(title)?.text).not.toContain(key);
});

/** The pasted text with the site and the service of this machine, as its reader changes them. */
function configOf(proxy: ProxyName, port: number): { readonly name: string; readonly text: string } {
  const own = (title: string): string =>
    (snippets.get(title)?.text ?? "").replaceAll("127.0.0.1:3000", `127.0.0.1:${service.port}`);
  if (proxy === "caddy")
    return {
      name: "Caddyfile",
      text: own("Caddy").replace("https://app.example:443", `http://127.0.0.1:${port}`),
    };
  const server = `server {\nlisten 127.0.0.1:${port};\nlocation / { return 404; }\n${own("nginx")}\n}`;
  return { name: "nginx.conf", text: `events {}\nhttp {\n${server}\n}\n` };
}

for (const proxy of ["nginx", "caddy"] as const) {
  test(`${proxy} lets the key of the dialog through to the service, and nothing else`, async () => {
    const port = await freePort();
    const folder = mkdtempSync(join(tmpdir(), "chatelaine-snippet-"));
    const { name, text } = configOf(proxy, port);
    writeFileSync(join(folder, name), text);
    const url = `http://127.0.0.1:${port}`;
    await using _running = await runProxy(proxy, folder, { url });
    const ask = (headers: Record<string, string>) => fetch(`${url}/hello`, { headers });
    expect((await ask({})).status).toBe(401);
    expect((await ask({ Authorization: `Bearer ${key.slice(0, -1)}` })).status).toBe(401);
    const good = await ask({ Authorization: `Bearer ${key}` });
    expect(good.status).toBe(200);
    const seen = (await good.json()) as { headers: Record<string, string> };
    expect(seen.headers["remote-user"]).toBe("ada");
    expect(JSON.stringify(seen)).not.toContain(key);
  });
}
