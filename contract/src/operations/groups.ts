import { z } from "zod";
import { USERNAME_CHARS_MAX } from "../limits.ts";
import { Instant } from "./instant-schema.ts";
import { BaseVersion, EXAMPLE_RECEIPT, operation, Receipt } from "./operation.ts";
import { Roles, Scopes, Username } from "./users.ts";

export const Group = z
  .strictObject({
    id: z.int(),
    name: z.string(),
    roles: Roles,
    scopes: z.array(z.string()),
    members: z.array(z.string()).describe("User names."),
    created_at: Instant,
    version: z.int().describe("Rises with every change of it and of who is in it."),
  })
  .meta({ id: "Group" });

export const GroupCreate = z
  .strictObject({ name: Username, roles: Roles.default([]), scopes: Scopes.default([]) })
  .meta({ id: "GroupCreate" });
export const GroupUpdate = z
  .strictObject({
    name: Username.optional(),
    roles: Roles.optional(),
    scopes: Scopes.optional(),
    version: BaseVersion,
  })
  .meta({ id: "GroupUpdate" });

const EndedGroup = Group.extend({ receipt: Receipt }).meta({ id: "EndedGroup" });
const byName = z.strictObject({ name: z.string().max(USERNAME_CHARS_MAX) });
const byMember = z.strictObject({
  name: z.string().max(USERNAME_CHARS_MAX),
  username: z.string().max(USERNAME_CHARS_MAX),
});
const byVersion = z.strictObject({ version: BaseVersion });
const readers = { kind: "roles", anyOf: ["ACCOUNT_READ"] } as const;
const writers = { kind: "roles", anyOf: ["ACCOUNT_WRITE"] } as const;

export const EXAMPLE_GROUP = {
  id: 1,
  name: "dns",
  roles: [],
  scopes: ["dns:read"],
  members: [],
  created_at: "2026-01-31T10:00:00.000Z",
  version: 1,
};

export const groupOperations = {
  "groups.list": operation({
    name: "groups.list",
    method: "GET",
    path: "/groups",
    group: "Groups",
    title: "List groups",
    words: "All groups, by name.",
    access: readers,
    output: z.strictObject({ entries: z.array(Group), total: z.int() }),
    status: 200,
    errors: [],
    example: { output: { entries: [EXAMPLE_GROUP], total: 1 } },
    since: "0.1.0",
  }),
  "groups.create": operation({
    name: "groups.create",
    method: "POST",
    path: "/groups",
    group: "Groups",
    title: "Add a group",
    words: "A group grants its roles and scopes to its members. Nobody grants what they lack.",
    access: writers,
    body: GroupCreate,
    output: Group,
    status: 201,
    tagged: "group",
    once: true,
    errors: ["name_taken", "conflict"],
    example: {
      body: { name: "mail", scopes: ["mail:send"] },
      output: { ...EXAMPLE_GROUP, id: 2, name: "mail", scopes: ["mail:send"] },
    },
    since: "0.1.0",
  }),
  "groups.get": operation({
    name: "groups.get",
    method: "GET",
    path: "/groups/{name}",
    group: "Groups",
    title: "Read a group",
    words: "A group with its members.",
    access: readers,
    params: byName,
    output: Group,
    status: 200,
    tagged: "group",
    errors: [],
    example: { params: { name: "dns" }, output: EXAMPLE_GROUP },
    since: "0.1.0",
  }),
  "groups.update": operation({
    name: "groups.update",
    method: "PATCH",
    path: "/groups/{name}",
    group: "Groups",
    title: "Edit a group",
    words:
      "Members that are absent keep their value. Members who lose a right by it lose their open sessions.",
    access: writers,
    params: byName,
    body: GroupUpdate,
    output: EndedGroup,
    status: 200,
    tagged: "group",
    once: true,
    errors: ["name_taken", "conflict"],
    example: {
      params: { name: "dns" },
      body: { scopes: ["dns:read", "dns:write"] },
      output: { ...EXAMPLE_GROUP, scopes: ["dns:read", "dns:write"], version: 2, receipt: EXAMPLE_RECEIPT },
    },
    since: "0.1.0",
  }),
  "groups.remove": operation({
    name: "groups.remove",
    method: "DELETE",
    path: "/groups/{name}",
    group: "Groups",
    title: "Delete a group",
    words: "Its members lose what it granted.",
    access: writers,
    params: byName,
    output: z.strictObject({ id: z.int(), receipt: Receipt }),
    status: 200,
    tagged: "group",
    errors: ["conflict"],
    example: { params: { name: "dns" }, output: { id: 1, receipt: EXAMPLE_RECEIPT } },
    since: "0.1.0",
  }),
  "groups.addMember": operation({
    name: "groups.addMember",
    method: "PUT",
    path: "/groups/{name}/members/{username}",
    group: "Groups",
    title: "Add a member",
    words: "Does nothing where the user is a member already, whatever the version.",
    access: writers,
    params: byMember,
    query: byVersion,
    output: Group,
    status: 200,
    tagged: "group",
    errors: ["conflict"],
    example: {
      params: { name: "dns", username: "build" },
      output: { ...EXAMPLE_GROUP, members: ["build"], version: 2 },
    },
    since: "0.1.0",
  }),
  "groups.removeMember": operation({
    name: "groups.removeMember",
    method: "DELETE",
    path: "/groups/{name}/members/{username}",
    group: "Groups",
    title: "Take a member out",
    words: "Does nothing where the user is no member, whatever the version.",
    access: writers,
    params: byMember,
    query: byVersion,
    output: EndedGroup,
    status: 200,
    tagged: "group",
    errors: ["conflict"],
    example: {
      params: { name: "dns", username: "build" },
      output: { ...EXAMPLE_GROUP, version: 3, receipt: EXAMPLE_RECEIPT },
    },
    since: "0.1.0",
  }),
};
