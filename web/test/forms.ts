/** Every form that sends a change: how it is opened, filled and sent. The data that `under-way.test.ts` makes is needed. */
import type { Locator, Page } from "playwright-core";
import { button, chooseAction, dialog, field } from "./page.ts";
import { PASSWORD } from "./screens.ts";

export interface Form {
  /** Where its change is asked for, below `web/src`. */
  readonly file: string;
  readonly path: string;
  /** Fills it, so that a press sends it. @returns what it stands in */
  readonly fill: (page: Page) => Promise<Locator>;
  readonly submit: string;
  /** A field, and what is in it when it is sent. */
  readonly typed?: readonly [label: string, value: string];
  readonly makesKey?: true;
  /** It stands on its screen, and does not close. */
  readonly isCard?: true;
}

export const panel =
  (opener: string, title: string, label: string) =>
  async (page: Page): Promise<Locator> => {
    await button(page, opener).click();
    const over = dialog(page, title);
    await field(over, label).fill("typed");
    return over;
  };

export const edit =
  (row: string, action: string, title: string, label: string, value = "typed") =>
  async (page: Page): Promise<Locator> => {
    await chooseAction(page, row, action);
    const over = dialog(page, title);
    await field(over, label).fill(value);
    return over;
  };

const tick = async (over: Locator): Promise<Locator> => {
  await over.getByRole("checkbox", { name: "Confirm", exact: true }).click();
  return over;
};

const end =
  (row: string, action: string, title: string) =>
  async (page: Page): Promise<Locator> => {
    await chooseAction(page, row, action);
    return tick(dialog(page, title));
  };

const endAll = (verb: string) => async (page: Page) => {
  await page.getByRole("checkbox", { name: "Select all on this page" }).click();
  await button(page.getByRole("group", { name: "Selected keys" }), verb).click();
  return tick(dialog(page, `${verb} API Keys`));
};

const card = (title: string, label: string, value: string) => async (page: Page) => {
  const over = page.getByRole("group", { name: title });
  await field(over, label).fill(value);
  return over;
};

export const FORMS: Readonly<Record<string, Form>> = {
  "Add API Key": {
    file: "keys/key-panel.tsx",
    path: "/keys",
    fill: panel("Add", "Add API Key", "Name"),
    submit: "Save",
    typed: ["Name", "typed"],
    makesKey: true,
  },
  "Edit API Key": {
    file: "keys/key-panel.tsx",
    path: "/keys",
    fill: edit("alpha", "Edit", "Edit API Key", "Name"),
    submit: "Save",
    typed: ["Name", "typed"],
  },
  "a reset": {
    file: "keys/key-panel.tsx",
    path: "/keys",
    fill: edit("alpha", "Reset", "Edit API Key", "Name", "alpha"),
    submit: "Save",
    typed: ["Name", "alpha"],
    makesKey: true,
  },
  "Revoke API Key": {
    file: "keys/end-keys.tsx",
    path: "/keys",
    fill: async (page) => tick(await edit("alpha", "Revoke", "Revoke API Key", "Reason")(page)),
    submit: "Revoke",
    typed: ["Reason", "typed"],
  },
  "Delete API Key": {
    file: "keys/end-keys.tsx",
    path: "/keys",
    fill: end("alpha", "Delete", "Delete API Key"),
    submit: "Delete",
  },
  "Revoke API Keys": { file: "keys/end-keys.tsx", path: "/keys", fill: endAll("Revoke"), submit: "Revoke" },
  "Delete API Keys": { file: "keys/end-keys.tsx", path: "/keys", fill: endAll("Delete"), submit: "Delete" },
  "Add User": {
    file: "users/user-panel.tsx",
    path: "/users",
    fill: panel("Add User", "Add User", "Username"),
    submit: "Save",
    typed: ["Username", "typed"],
  },
  "Edit User": {
    file: "users/user-panel.tsx",
    path: "/users",
    fill: edit("builder", "Edit", "Edit User", "Full name"),
    submit: "Save",
    typed: ["Full name", "typed"],
  },
  "Give up own rights": {
    file: "users/user-panel.tsx",
    path: "/users",
    fill: async (page) => {
      await chooseAction(page, "ada", "Edit");
      const over = dialog(page, "Edit User");
      await over.getByRole("checkbox", { name: /^Full administrator/ }).click();
      await over.getByRole("checkbox", { name: /^Key holder/ }).click();
      await button(over, "Save").click();
      const question = dialog(page, "Give up own rights");
      await field(question, "Type ada to go on").fill("ada");
      return tick(question);
    },
    submit: "Save",
    typed: ["Type ada to go on", "ada"],
  },
  "Set Password": {
    file: "users/set-password.tsx",
    path: "/users",
    fill: edit("builder", "Set Password", "Set Password", "New password", PASSWORD),
    submit: "Save",
    typed: ["New password", PASSWORD],
  },
  "Lock User": {
    file: "users/lock-user.tsx",
    path: "/users",
    fill: end("builder", "Lock", "Lock User"),
    submit: "Lock",
  },
  "Delete User": {
    file: "users/remove-user.tsx",
    path: "/users",
    fill: end("builder", "Delete", "Delete User"),
    submit: "Delete",
  },
  "Add Group": {
    file: "users/group-panel.tsx",
    path: "/groups",
    fill: panel("Add Group", "Add Group", "Name"),
    submit: "Save",
    typed: ["Name", "typed"],
  },
  "Edit Group": {
    file: "users/group-panel.tsx",
    path: "/groups",
    fill: edit("ops", "Edit", "Edit Group", "Name"),
    submit: "Save",
    typed: ["Name", "typed"],
  },
  "Delete Group": {
    file: "users/remove-group.tsx",
    path: "/groups",
    fill: end("ops", "Delete", "Delete Group"),
    submit: "Delete",
  },
  "Change Password": {
    file: "signing/change-password.tsx",
    path: "/keys",
    fill: async (page) => {
      await button(page, "Settings").click();
      await page.getByRole("menuitem", { name: "Change Password" }).click();
      const over = dialog(page, "Change Password");
      for (const label of ["Current password", "New password", "New password again"])
        await field(over, label).fill(PASSWORD);
      return over;
    },
    submit: "Save",
    typed: ["New password", PASSWORD],
  },
  "End Session": {
    file: "system/sessions.tsx",
    path: "/system",
    fill: async (page) => {
      await button(page, "End session of grace").click();
      return tick(dialog(page, "End Session"));
    },
    submit: "End",
  },
  "Key policy": {
    file: "system/settings-card.tsx",
    path: "/system",
    fill: card("Key policy", "Longest lifetime", "77"),
    submit: "Save",
    typed: ["Longest lifetime", "77 days"],
    isCard: true,
  },
  "Public address": {
    file: "system/settings-card.tsx",
    path: "/system",
    fill: card("Address", "Public address", "https://keys.example"),
    submit: "Save",
    typed: ["Public address", "https://keys.example"],
    isCard: true,
  },
  "Session limits": {
    file: "system/settings-card.tsx",
    path: "/system",
    fill: card("Session limits", "Idle", "44"),
    submit: "Save",
    typed: ["Idle", "44 minutes"],
    isCard: true,
  },
  "Webhook for alerts": {
    file: "system/settings-card.tsx",
    path: "/system",
    fill: card("Webhook for alerts", "Webhook address", "https://alerts.example"),
    submit: "Save",
    typed: ["Webhook address", "https://alerts.example"],
    isCard: true,
  },
};
