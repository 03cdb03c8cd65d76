/** The settings that those read who cannot wait: kept by the feed, on a database that answers at once and on one that answers later. */
import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { join } from "node:path";
import { createFeed } from "../src/activity/feed.ts";
import { openSettings } from "../src/activity/settings.ts";
import type { Store } from "../src/store/store.ts";
import { openTestApp, type TestApp } from "./accounts-app.ts";

/** As a database over the network: what SQLite gives at once comes a turn later. */
function answeringLater(store: Store): Store {
  const later =
    <Args extends unknown[], Result>(method: (...args: Args) => Result | Promise<Result>) =>
    async (...args: Args): Promise<Result> => {
      await Promise.resolve();
      return method(...args);
    };
  return { ...store, poll: later(store.poll), readSettings: later(store.readSettings) };
}

async function openOn(app: TestApp, store: Store) {
  // A store has one follower.
  app.feed.stop();
  const feed = createFeed(store, app.log);
  const { clock, secrets } = app;
  const settings = await openSettings({ store, feed, clock, secrets, bindingFault: () => undefined });
  return { feed, settings };
}

const STORES = { "at once": (store: Store) => store, later: answeringLater };

test.each(Object.keys(STORES) as (keyof typeof STORES)[])(
  "of a database that answers %s, a change by another process holds as soon as the feed is followed",
  async (when) => {
    const app = await openTestApp();
    const other = await openTestApp({ beside: app });
    const { feed, settings } = await openOn(app, STORES[when](app.store));
    try {
      expect(settings.current().publicUrl).toBeNull();
      for (const publicUrl of ["https://keys.example", "https://other.example", null]) {
        await other.settings.change(other.system, { publicUrl });
        await feed.follow();
        expect(settings.current().publicUrl).toBe(publicUrl);
      }
      if (when === "later") return;
      // Nobody tells of a change by hand.
      using database = new Database(join(app.folder, "chatelaine.db"));
      database.run(
        "INSERT OR REPLACE INTO settings (name, value) VALUES ('publicUrl', '\"https://by-hand.example\"')",
      );
      expect(settings.current().publicUrl).toBe("https://by-hand.example");
    } finally {
      feed.stop();
      await other.close();
      await app.close();
    }
  },
);

test.each(Object.keys(STORES) as (keyof typeof STORES)[])(
  "of a database that answers %s and cannot be read at a change, no older setting is served, and the next reading finds it",
  async (when) => {
    const app = await openTestApp();
    let isBroken = false;
    const readSettings: Store["readSettings"] = () => {
      if (isBroken) throw new Error("The page is damaged");
      return app.store.readSettings();
    };
    const { feed, settings } = await openOn(app, STORES[when]({ ...app.store, readSettings }));
    try {
      isBroken = true;
      await app.settings.change(app.system, { publicUrl: "https://keys.example" });
      await feed.follow();
      expect(() => settings.current()).toThrow();
      isBroken = false;
      if (when === "later") expect(() => settings.current()).toThrow("try again");
      for (let turns = 0; turns < 5; turns++) await Promise.resolve();
      expect(settings.current().publicUrl).toBe("https://keys.example");
    } finally {
      feed.stop();
      await app.close();
    }
  },
);
