import { ROLES, type Role } from "@chatelaine/contract/roles";
import type { Command } from "commander";
import { collectRole, parseLifetime, parseRate } from "./arguments.ts";
import { addPrinting, collect, type Local, onData, type Printing } from "./command.ts";
import type { PrintedUser, UserRecord } from "./entries.ts";
import { readNewPassword, readStdin } from "./input.ts";
import { type PrintColumn, printChanged, printJson, printList, printNote, printRecord } from "./output.ts";

const COLUMNS: readonly PrintColumn<PrintedUser>[] = [
  ["ID", (user) => user.id],
  ["NAME", (user) => user.username],
  ["ROLES", (user) => user.all_roles],
  ["GROUPS", (user) => user.groups],
  ["KEYS", (user) => user.key_ids.length],
  ["LOCKED", (user) => (user.locked ? "yes" : "no")],
];

export function addUserCommands(program: Command): void {
  const user = program.command("user").description("Who may sign in and hold keys.");
  addCreate(user);
  addReading(user);
  addLocking(user);
  addSetRoles(user);
  addSetPassword(user);
  addSetCeilings(user);
  addDelete(user);
}

interface CreateOptions extends Printing {
  readonly role: readonly Role[];
  readonly fullName?: string;
  readonly email?: string;
  readonly passwordStdin?: boolean;
}

function addCreate(user: Command): void {
  addPrinting(
    user,
    "create <name>",
    "Makes a user; without --password-stdin one who cannot sign in by password.",
    "printf 'a long password' | chatelaine user create root --role FULL_ADMIN --password-stdin",
    "chatelaine user create deploy --role KEY_HOLDER",
  )
    .requiredOption("--role <role...>", `one or more of ${ROLES.join(", ")}`, collectRole)
    .option("--full-name <text>", "the person's name")
    .option("--email <address>", "mail address")
    .option("--password-stdin", "read the password from standard input")
    .action(async (username: string, options: CreateOptions, command: Command) => {
      const password = options.passwordStdin ? await readStdin() : undefined;
      const { role: roles, fullName, email } = options;
      const input = { username, roles, fullName, email, password };
      const made = await onData(command, async ({ users, caller, printed }) =>
        printed.user(await users.create(caller, input)),
      );
      await printChanged(options, made, `Made the user ${made.username}.`);
    });
}

function addReading(user: Command): void {
  addPrinting(user, "list", "Lists all users.", "chatelaine user list --json").action(
    async (options: Printing, command: Command) => {
      const order = [{ path: ["username"], descending: false, nullsFirst: true }];
      const rows = await onData(command, async ({ users, caller, printed }) =>
        (await users.list(caller, { order })).rows.map(printed.user),
      );
      await printList(options, rows, COLUMNS);
    },
  );
  addPrinting(user, "show <name>", "Prints a user.", "chatelaine user show root").action(
    async (username: string, options: Printing, command: Command) => {
      const found = await onUser(command, username, async (_, user) => user);
      await printRecord(options, found);
    },
  );
}

function addLocking(user: Command): void {
  addPrinting(
    user,
    "lock <name>",
    "Locks a user: no sign-in, no session, and no key of theirs works.",
    "chatelaine user lock eve",
  ).action(async (name: string, options: Printing, command: Command) => {
    const locked = await onUser(command, name, ({ users, caller }, { id }) => users.lock(caller, id));
    await printChanged(options, locked, `Locked ${name}.`);
  });
  addPrinting(user, "unlock <name>", "Takes the lock away.", "chatelaine user unlock eve").action(
    async (name: string, options: Printing, command: Command) => {
      const unlocked = await onUser(command, name, ({ users, caller }, { id }) => users.unlock(caller, id));
      await printChanged(options, unlocked, `Unlocked ${name}.`);
    },
  );
}

function addSetRoles(user: Command): void {
  addPrinting(
    user,
    "set-roles <name>",
    "Gives a user these roles in the place of those before.",
    "chatelaine user set-roles deploy KEY_HOLDER API_KEY_READ",
  )
    .argument("<roles...>", ROLES.join(", "), collectRole)
    .action(async (name: string, roles: readonly Role[], options: Printing, command: Command) => {
      const changed = await onUser(command, name, ({ users, caller }, { id }) =>
        users.update(caller, id, { roles }),
      );
      await printChanged(options, changed, `${name} has ${changed.roles.join(", ")}.`);
    });
}

function addSetPassword(user: Command): void {
  addPrinting(
    user,
    "set-password <name>",
    "Sets a user's password and ends their sessions; asks for it on a terminal.",
    "printf 'a long password' | chatelaine user set-password root --password-stdin",
  )
    .option("--password-stdin", "read the password from standard input")
    .action(async (name: string, options: Printing & { passwordStdin?: boolean }, command: Command) => {
      const password = await readNewPassword(options.passwordStdin);
      const changed = await onUser(command, name, ({ users, caller }, { id }) =>
        users.update(caller, id, { password }),
      );
      await printChanged(options, changed, `${name} has a new password.`);
    });
}

interface CeilingOptions extends Printing {
  readonly allowIp?: readonly string[];
  readonly rate?: { readonly limit: number; readonly windowSeconds: number };
  readonly lifetime?: number;
}

function addSetCeilings(user: Command): void {
  addPrinting(
    user,
    "set-ceilings <name>",
    "Holds all keys of a user to this, whatever they say themselves; without options to nothing.",
    "chatelaine user set-ceilings deploy --allow-ip 10.0.0.0/8 --rate 1000/m --lifetime 90d",
  )
    .option("--allow-ip <cidr>", "good only from here; may be given again", collect(String))
    .option("--rate <count/time>", "for all keys together: 100/60s, 100/m, 5000/d", parseRate)
    .option("--lifetime <time>", "longest life of a key: 12h, 90d, 1y", parseLifetime)
    .action(async (name: string, options: CeilingOptions, command: Command) => {
      const { allowIp, rate, lifetime } = options;
      const isNone = !allowIp && !rate && lifetime === undefined;
      const held = {
        allowedIps: allowIp ?? null,
        rateLimit: rate ?? null,
        lifetimeSeconds: lifetime ?? null,
      };
      const ceilings = isNone ? null : held;
      const changed = await onUser(command, name, ({ users, caller }, { id }) =>
        users.update(caller, id, { ceilings }),
      );
      await printChanged(options, changed, `Keys of ${name} are held to ${isNone ? "nothing" : "that"}.`);
    });
}

function addDelete(user: Command): void {
  addPrinting(
    user,
    "delete <name>",
    "Deletes a user with all keys of theirs.",
    "chatelaine user delete eve",
  ).action(async (name: string, options: Printing, command: Command) => {
    const gone = await onUser(command, name, ({ users, caller }, { id }) => users.remove(caller, id));
    if (options.json) return printJson(gone);
    const keys = gone.key_ids.length === 0 ? "" : `, and with it the keys ${gone.key_ids.join(", ")}`;
    printNote(`Deleted ${name}${keys}.`);
  });
}

function onUser(
  command: Command,
  username: string,
  work: (local: Local, user: UserRecord) => Promise<UserRecord>,
): Promise<PrintedUser> {
  return onData(command, async (data) =>
    data.printed.user(await work(data, await data.users.get(data.caller, { username }))),
  );
}
