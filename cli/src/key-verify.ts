import { formatInstant } from "@chatelaine/contract/instant";
import { type Command, InvalidArgumentError } from "commander";
import { addPrinting, type Local, onData, type Printing } from "./command.ts";
import { readKey } from "./input.ts";
import { print, printJson } from "./output.ts";

type Verdict = Awaited<ReturnType<Local["verify"]["verify"]>>;
type Refused = Extract<Verdict, { ok: false }>;

const FAULT_WORDS: Readonly<Record<NonNullable<Refused["fault"]>, string>> = {
  shape: "that is no key: a key is a number, a dash and 64 letters and digits",
  id_missing: "its beginning is missing: the number and the dash",
  checksum: "a character in it is wrong or missing",
};

export function addVerify(key: Command): void {
  addPrinting(
    key,
    "verify",
    "Tells whether a key is good and whose it is; exit code 1 where it is not.",
    "chatelaine key verify < ci.key",
    "chatelaine key verify --stdin --json < ci.key",
  )
    .argument("[nothing...]", "no argument: the key comes by standard input, or is typed unseen")
    .option("--stdin", "read standard input even where it is a terminal")
    .action(async (given: readonly string[], options: Printing & { stdin?: boolean }, command: Command) => {
      if (given.length > 0) {
        throw new InvalidArgumentError(
          "A key never comes as an argument, where others can read it, but by standard input.",
        );
      }
      const text = await readKey(options.stdin);
      const verdict = await onData(command, async ({ verify }) =>
        verify.verify(text, { origin: null, cost: 0 }),
      );
      await (options.json ? printJson(verdictShape(verdict)) : print(verdictWords(verdict)));
      if (!verdict.ok) process.exitCode = 1;
    });
}

function verdictShape(verdict: Verdict): object {
  if (!verdict.ok) return { valid: false, reason: verdict.reason };
  const { record, rights } = verdict;
  const { user } = record;
  return {
    valid: true,
    key: {
      id: record.id,
      name: record.name,
      description: record.description,
      tags: record.tags,
      expires_at: record.expiresAt === null ? null : formatInstant(record.expiresAt),
      scopes: rights.scopes,
    },
    user: {
      username: user.username,
      full_name: user.fullName,
      email: user.email,
      roles: [...rights.roles],
      groups: user.groups,
    },
    rate_limit: record.rateLimit && {
      limit: record.rateLimit.limit,
      window_seconds: record.rateLimit.windowSeconds,
    },
  };
}

function verdictWords(verdict: Verdict): string {
  if (!verdict.ok) return `not valid: ${verdict.fault ? FAULT_WORDS[verdict.fault] : verdict.reason}`;
  const { id, name, user, expiresAt } = verdict.record;
  const end = expiresAt === null ? "never expires" : `expires ${formatInstant(expiresAt)}`;
  return `valid: key ${id}, ${JSON.stringify(name)}, of ${user.username}, ${end}`;
}
