import type { Role } from "@chatelaine/contract/roles";
import type { Command } from "commander";
import { collectRole } from "./arguments.ts";
import { addPrinting, collect, type Local, onData, type Printing } from "./command.ts";
import type { GroupRecord, PrintedGroup } from "./entries.ts";
import { type PrintColumn, printChanged, printList } from "./output.ts";

const COLUMNS: readonly PrintColumn<PrintedGroup>[] = [
  ["ID", (group) => group.id],
  ["NAME", (group) => group.name],
  ["ROLES", (group) => group.roles],
  ["SCOPES", (group) => group.scopes],
  ["MEMBERS", (group) => group.members],
];

export function addGroupCommands(program: Command): void {
  const group = program.command("group").description("Groups give roles and scopes to their members.");
  addCreate(group);
  addList(group);
  addEdit(group);
  addMembers(group);
  addPrinting(
    group,
    "delete <name>",
    "Deletes a group; its members lose what it gave.",
    "chatelaine group delete dns",
  ).action(async (name: string, options: Printing, command: Command) => {
    const gone = await onGroups(command, (groups, caller) => groups.remove(caller, name));
    await printChanged(options, gone, `Deleted the group ${name}.`);
  });
}

interface RightsOptions extends Printing {
  readonly role?: readonly Role[];
  readonly scope?: readonly string[];
}

function addCreate(group: Command): void {
  addPrinting(
    group,
    "create <name>",
    "Makes a group.",
    "chatelaine group create dns --role KEY_HOLDER --scope dns:read --scope dns:write",
  )
    .option("--role <role>", "a role of its members; may be given again", collectRole)
    .option(
      "--scope <scope>",
      "resource:action at guarded services, each may be *; may be given again",
      collect(String),
    )
    .action(
      async (
        name: string,
        { role: roles = [], scope: scopes = [], ...options }: RightsOptions,
        command: Command,
      ) => {
        const made = await onGroups(command, (groups, caller) =>
          groups.create(caller, { name, roles, scopes }),
        );
        await printChanged(options, made, `Made the group ${name}.`);
      },
    );
}

function addList(group: Command): void {
  addPrinting(group, "list", "Lists all groups.", "chatelaine group list --json").action(
    async (options: Printing, command: Command) => {
      const found = await onData(command, async ({ groups, caller, printed }) =>
        (await groups.list(caller)).map(printed.group),
      );
      await printList(options, found, COLUMNS);
    },
  );
}

interface EditOptions extends RightsOptions {
  readonly name?: string;
  /** False where `--no-roles` was given. */
  readonly roles: boolean;
  readonly scopes: boolean;
}

function addEdit(group: Command): void {
  addPrinting(
    group,
    "edit <name>",
    "Edits a group; --role and --scope stand in the place of those before.",
    "chatelaine group edit dns --scope dns:read --no-roles",
  )
    .option("--name <new-name>", "another name")
    .option("--role <role>", "a role of its members; may be given again", collectRole)
    .option("--no-roles", "gives no role")
    .option(
      "--scope <scope>",
      "resource:action at guarded services, each may be *; may be given again",
      collect(String),
    )
    .option("--no-scopes", "gives no scope")
    .action(async (name: string, options: EditOptions, command: Command) => {
      const change = {
        ...(options.name !== undefined && { name: options.name }),
        ...((options.role || !options.roles) && { roles: options.role ?? [] }),
        ...((options.scope || !options.scopes) && { scopes: options.scope ?? [] }),
      };
      if (Object.keys(change).length === 0)
        command.error("error: nothing to change: give --name, --role or --scope");
      const changed = await onGroups(command, (groups, caller) => groups.update(caller, name, change));
      await printChanged(options, changed, `Changed the group ${changed.name}.`);
    });
}

function addMembers(group: Command): void {
  addPrinting(group, "add <name> <user>", "Makes a user a member.", "chatelaine group add dns ada").action(
    async (name: string, user: string, options: Printing, command: Command) => {
      const changed = await onGroups(command, (groups, caller) =>
        groups.addMember(caller, { name, username: user }),
      );
      await printChanged(options, changed, `${user} is in ${name}.`);
    },
  );
  addPrinting(group, "remove <name> <user>", "Takes a member out.", "chatelaine group remove dns ada").action(
    async (name: string, user: string, options: Printing, command: Command) => {
      const changed = await onGroups(command, (groups, caller) =>
        groups.removeMember(caller, { name, username: user }),
      );
      await printChanged(options, changed, `${user} is not in ${name}.`);
    },
  );
}

type Groups = Local["groups"];

function onGroups(
  command: Command,
  work: (groups: Groups, caller: Local["caller"]) => Promise<GroupRecord>,
): Promise<PrintedGroup> {
  return onData(command, async ({ groups, caller, printed }) => printed.group(await work(groups, caller)));
}
