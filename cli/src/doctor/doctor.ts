import type { Command } from "commander";
import { addPrinting, type Local, onData, type Printing } from "../command.ts";
import { print, printJson, tell } from "../output.ts";
import { type Place, parsePlace, parseScope } from "../proxy/guard.ts";
import type { ArrivedRequest, Examined } from "./examine.ts";

interface DoctorOptions extends Printing {
  readonly proxy: string;
  readonly user: string;
  readonly scope?: readonly string[];
  readonly standIn?: Place;
}

export function addDoctor(program: Command): void {
  addPrinting(
    program,
    "doctor",
    "Attacks a proxy that guards a service, with keys made for it and deleted afterwards, and says what is wrong.",
    "chatelaine doctor --proxy https://app.example --user root",
    "chatelaine doctor --proxy https://app.example --user root --stand-in http://127.0.0.1:3000",
  )
    .requiredOption("--proxy <url>", "the guarded site")
    .requiredOption("--user <name>", "whose keys are made for it")
    .option("--scope <scope>", "the scope that the proxy asks for", parseScope)
    .option(
      "--stand-in <url>",
      "where the service listens, while it is stopped: doctor stands in for it, and sees what reaches it",
      parsePlace("--stand-in"),
    )
    .action(async (options: DoctorOptions, command: Command) => {
      if (!URL.canParse(options.proxy) || !/^https?:/.test(options.proxy))
        command.error(`error: --proxy: expected an address such as https://app.example`);
      const examined = await onData(command, (local) => examineWith(local, options));
      await (options.json ? printJson(examined) : print(wordsOf(examined)));
      if (examined.findings.length > 0) process.exitCode = 1;
    });
}

async function examineWith(
  local: Local,
  { proxy, user: username, scope, standIn }: DoctorOptions,
): Promise<Examined> {
  const { examine } = await import("./examine.ts");
  const { keys, caller } = local;
  const made: number[] = [];
  const make = async (what: string, limits: object): Promise<string> => {
    const name = `doctor-${what}-${crypto.randomUUID().slice(0, 8)}`;
    const expiresAt = local.clock.now() + 3_600_000;
    const { key, secret } = await keys.create(caller, { ...limits, name, username, expiresAt });
    made.push(key.id);
    return secret.text;
  };
  const stand = standIn && startStandIn(standIn);
  try {
    const good = await make("good", scope ? { scopes: scope } : {});
    const away = await make("away", { allowedIps: ["192.0.2.1"] });
    const narrow = await make("narrow", { scopes: [] });
    if (!stand) tell("Without --stand-in only what the service answers with tells what reached it.");
    return await examine({
      proxy: new URL(proxy),
      keys: { good, away, narrow },
      isScoped: scope !== undefined,
      revoke: async () => void (await keys.revoke(caller, made[0]!, "Doctor's canary")),
      arrived: stand?.arrived,
    });
  } finally {
    await stand?.stop();
    for (const id of made) await keys.remove(caller, id);
  }
}

function startStandIn({ host, port }: Place): {
  arrived: () => readonly ArrivedRequest[];
  stop(): Promise<void>;
} {
  let requests: ArrivedRequest[] = [];
  const server = Bun.serve({
    hostname: host.replace(/^\[|\]$/g, ""),
    port,
    fetch: (req) => {
      requests.push({ target: req.url, headers: req.headers.toJSON() });
      return new Response("Chatelaine's doctor stands in for the service.\n");
    },
  });
  return {
    arrived: () => {
      const since = requests;
      requests = [];
      return since;
    },
    stop: () => server.stop(true),
  };
}

function wordsOf({ findings, tried }: Examined): string {
  if (findings.length === 0) return `Nothing wrong was found in ${tried} attempts.`;
  return findings.map((finding) => `WRONG  ${finding}`).join("\n");
}
