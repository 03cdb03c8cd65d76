/** R35: empty, foreign and damaged databases at the start, and what a state file that lags or cannot be written does. */
import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import {
  copyFileSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { MAIN, run, serve, textOf } from "../../cli/test/chatelaine.ts";
import { readStates } from "../src/store/sqlite/state-file.ts";
import { SYSTEM } from "./installation.ts";
import { auth, fill, RestoredPlace } from "./place.ts";

const TEST_MS = 120_000;
const startAgain = (place: RestoredPlace, env: Record<string, string> = {}) =>
  run(["serve", "--data", place.data, "--state", place.state, "--http", "127.0.0.1:0", "--https", "off"], {
    env,
  });

/** With an administrator and two keys, and stopped. */
async function used(place: RestoredPlace) {
  const shown = await fill(await place.serve());
  await place.stop();
  return shown;
}

const EMPTIED: Readonly<Record<string, (place: RestoredPlace) => void>> = {
  "the database is gone": (place) => rmSync(join(place.data, "chatelaine.db")),
  "the database is an empty file": (place) => writeFileSync(join(place.data, "chatelaine.db"), ""),
  "the folder is empty (nothing is mounted there)": (place) => {
    rmSync(place.data, { recursive: true });
    mkdirSync(place.data, { mode: 0o700 });
  },
  "the folder is gone": (place) => rmSync(place.data, { recursive: true }),
};
for (const [name, empty] of Object.entries(EMPTIED)) {
  test(
    `where ${name}, the start is refused with exit code 78 and nothing is made`,
    async () => {
      await using place = new RestoredPlace();
      await used(place);
      empty(place);
      const { code, stderr } = await startAgain(place);
      expect({ code, stderr }).toEqual({
        code: 78,
        stderr: expect.stringMatching(/^chatelaine: .*missing or empty, but/),
      });
      const left = readdirSync(place.base).includes("data") ? readdirSync(place.data) : [];
      expect(left.filter((file) => /-(wal|shm)$/.test(file))).toEqual([]);
    },
    TEST_MS,
  );
}

test(
  "a database that is gone is missed without a state file too, by what else is in the folder",
  async () => {
    await using place = new RestoredPlace();
    await used(place);
    rmSync(join(place.data, "chatelaine.db"));
    rmSync(place.state, { recursive: true });
    expect(await startAgain(place)).toMatchObject({ code: 78 });
  },
  TEST_MS,
);

test(
  "a new folder with the secret of a used installation is refused",
  async () => {
    await using place = new RestoredPlace();
    await used(place);
    const secret = readFileSync(join(place.data, "secret"), "utf8").trim();
    place.data = join(place.base, "elsewhere");
    const { code, stderr } = await startAgain(place, { CHATELAINE_SECRET: secret });
    expect({ code, stderr }).toEqual({
      code: 78,
      stderr: expect.stringContaining("its master secret is known"),
    });
  },
  TEST_MS,
);

test(
  "a database of another installation is refused, of the same secret or another",
  async () => {
    await using place = new RestoredPlace();
    await using other = new RestoredPlace();
    await used(place);
    const secret = readFileSync(join(place.data, "secret"), "utf8");
    mkdirSync(other.data, { mode: 0o700 });
    writeFileSync(join(other.data, "secret"), secret, { mode: 0o600 });
    await used(other);
    copyFileSync(join(other.data, "chatelaine.db"), join(place.data, "chatelaine.db"));
    expect(await startAgain(place)).toMatchObject({
      code: 78,
      stderr: expect.stringContaining("another installation"),
    });
    expect(await startAgain(place, { CHATELAINE_SECRET: "00".repeat(32) })).toMatchObject({ code: 78 });
  },
  TEST_MS,
);

/** What a wrong mount puts in the place of the databases. */
const FOREIGN: Readonly<
  Record<string, { readonly secret: "another" | "the same"; readonly isOld: boolean }>
> = {
  "of 0.1 and another secret": { secret: "another", isOld: true },
  "of 0.1 and the same secret": { secret: "the same", isOld: true },
  "of today and another secret": { secret: "another", isOld: false },
  "of today and the same secret": { secret: "the same", isOld: false },
};
const OLD = new URL("./fixtures/data-0.1/", import.meta.url).pathname;
for (const [name, { secret, isOld }] of Object.entries(FOREIGN))
  for (const left of ["closed", "with its log"])
    test(
      `a database of another installation, ${name}, ${left}, is refused and left byte for byte as it is`,
      async () => {
        await using place = new RestoredPlace();
        await using other = new RestoredPlace();
        const makeFolder = ({ data }: RestoredPlace, from: string): void => {
          mkdirSync(data, { mode: 0o700 });
          copyFileSync(join(from, "secret"), join(data, "secret"));
        };
        makeFolder(other, OLD);
        if (isOld)
          for (const file of ["chatelaine.db", "activity.db"])
            copyFileSync(join(OLD, file), join(other.data, file));
        else await used(other);
        if (secret === "the same") makeFolder(place, OLD);
        await used(place);
        // The folder is known by its file alone, and nothing says that its secret is the other's.
        if (isOld && secret === "the same") rmSync(place.state, { recursive: true });
        for (const file of ["chatelaine.db", "activity.db"])
          copyFileSync(join(other.data, file), join(place.data, file));
        if (left === "with its log") {
          const open = new Database(join(place.data, "chatelaine.db"), { strict: true });
          open.run("INSERT INTO meta (name, value) VALUES ('more', '')");
          for (const end of ["", "-wal"])
            copyFileSync(join(place.data, `chatelaine.db${end}`), join(place.base, `kept${end}`));
          open.close();
          for (const end of ["", "-wal"])
            copyFileSync(join(place.base, `kept${end}`), join(place.data, `chatelaine.db${end}`));
        }
        const content = () =>
          Object.fromEntries(
            readdirSync(place.data)
              .filter(
                (file) => /\.(db|db-wal|backup)$/.test(file) || (left === "closed" && /-shm$/.test(file)),
              )
              .map((file) => [file, readFileSync(join(place.data, file), "latin1")]),
          );
        const before = content();
        const stderr = expect.stringMatching(/another installation|The master secret is not the one/);
        expect(await startAgain(place)).toMatchObject({ code: 78, stderr });
        expect(content()).toEqual(before);
        const listed = await run(["key", "list", "--data", place.data, "--state", place.state]);
        expect(listed).toMatchObject({ code: 1, stdout: "", stderr });
        expect(content()).toEqual(before);
      },
      TEST_MS,
    );

/** Each sets the folders of a place that has none yet. */
const NESTED: Readonly<Record<string, (place: RestoredPlace) => void>> = {
  "the state folder is in the data folder": (place) => {
    place.state = join(place.data, "deep", "state");
  },
  "the state folder is the data folder": (place) => {
    place.state = place.data;
  },
  "the state folder is a link into the data folder": (place) => {
    mkdirSync(join(place.data, "state"), { recursive: true });
    symlinkSync(join(place.data, "state"), place.state);
  },
  "the state folder is below a link to the data folder": (place) => {
    mkdirSync(place.data);
    symlinkSync(place.data, join(place.base, "link"));
    place.state = join(place.base, "link", "state");
  },
  "the data folder is in the state folder": (place) => {
    place.data = join(place.state, "data");
  },
  "the data folder is a link into the state folder": (place) => {
    mkdirSync(join(place.state, "data"), { recursive: true });
    symlinkSync(join(place.state, "data"), place.data);
  },
};
for (const [name, nest] of Object.entries(NESTED)) {
  test(
    `where ${name}, every start is refused with exit code 78 and nothing is made`,
    async () => {
      await using place = new RestoredPlace();
      nest(place);
      const before = readdirSync(place.base, { recursive: true });
      expect(await startAgain(place)).toMatchObject({
        code: 78,
        stderr: expect.stringContaining("one is in the other"),
      });
      expect(readdirSync(place.base, { recursive: true })).toEqual(before);
      const outside = join(place.base, "outside");
      const state = place.state;
      place.state = outside;
      await used(place);
      const listed = await run(["key", "list", "--data", place.data, "--state", state]);
      expect(listed).toMatchObject({
        code: 1,
        stdout: "",
        stderr: expect.stringContaining("one is in the other"),
      });
      expect(await run(["key", "list", "--data", place.data, "--state", outside])).toMatchObject({ code: 0 });
    },
    TEST_MS,
  );
}

for (const name of ["chatelaine.db", "activity.db", "chatelaine.db-wal"]) {
  test(
    `where ${name} is a symbolic link, every start is refused with exit code 78, and not where the folder is one`,
    async () => {
      await using place = new RestoredPlace();
      await used(place);
      const [file, elsewhere] = [join(place.data, name), join(place.base, "elsewhere")];
      if (name.endsWith("-wal")) writeFileSync(file, "");
      renameSync(file, elsewhere);
      symlinkSync(elsewhere, file);
      const content = readFileSync(elsewhere, "latin1");
      const stderr = expect.stringContaining(`${name} is a symbolic link`);
      expect(await startAgain(place)).toMatchObject({ code: 78, stderr });
      const listed = await run(["key", "list", "--data", place.data, "--state", place.state]);
      expect(listed).toMatchObject({ code: 1, stdout: "", stderr });
      expect(readFileSync(elsewhere, "latin1")).toBe(content);
      rmSync(file);
      renameSync(elsewhere, file);
      renameSync(place.data, elsewhere);
      symlinkSync(elsewhere, place.data);
      const again = await place.serve();
      expect(again.app.store.quarantine()).toBeUndefined();
    },
    TEST_MS,
  );
}

test(
  "the same folder by a second name is no copy, and its changes are noted by each name",
  async () => {
    await using place = new RestoredPlace();
    const shown = await used(place);
    const copy = place.copy("copy");
    // A mount of the folder at another name, in a namespace of its own.
    const mounted = join(place.base, "mounted");
    mkdirSync(mounted);
    const flags = process.getuid?.() === 0 ? ["--mount"] : ["--mount", "--map-root-user"];
    const steps = 'mount --bind "$1" "$2" && shift 2 && exec "$@"';
    const revoke = ["key", "revoke", String(shown.second.id), "--reason", "stolen"];
    const command = [process.execPath, MAIN, ...revoke, "--data", mounted, "--state", place.state];
    const child = Bun.spawn(["unshare", ...flags, "sh", "-c", steps, "sh", place.data, mounted, ...command], {
      stdout: "pipe",
      stderr: "pipe",
    });
    expect([await child.exited, await textOf(child.stderr)]).toEqual([0, expect.stringMatching(/^Revoked/)]);
    place.putBack(copy);
    const again = await place.serve();
    expect(again.app.store.quarantine()).toMatchObject({ why: "behind" });
  },
  TEST_MS,
);

test(
  "a first start that was never used may be begun again",
  async () => {
    await using place = new RestoredPlace();
    await place.serve();
    await place.stop();
    rmSync(place.data, { recursive: true });
    await place.serve();
    expect(place.said(/./)).toEqual([]);
    expect(readStates(place.state)).toHaveLength(1);
  },
  TEST_MS,
);

for (const withState of [true, false]) {
  test(
    `a write-ahead log of nonsense is no empty installation ${withState ? "with" : "without"} a state file`,
    async () => {
      await using place = new RestoredPlace();
      const args = ["--state", withState ? place.state : "off"];
      const server = await serve(place.data, args);
      const on = [...args, "--data", place.data];
      await run(["user", "create", "ada", "--role", "KEY_HOLDER", ...on]);
      const key = (await run(["key", "create", "--user", "ada", "--name", "one", ...on])).stdout.trim();
      expect(await auth(server.http, key)).toBe(200);
      await server.stop("SIGKILL");
      writeFileSync(join(place.data, "chatelaine.db-wal"), crypto.getRandomValues(new Uint8Array(40_000)));
      const again = await serve(place.data, args);
      expect(again.said).not.toContain("/setup#token");
      expect(await auth(again.http, key)).toBe(503);
      expect((await fetch(`${again.http}/readyz`)).status).toBe(503);
      expect((await again.stop()).stderr).toContain("restore --accept");
    },
    TEST_MS,
  );
}

/** What is known of the folder outside of it when it is started again. */
const KNOWN: Readonly<Record<string, (place: RestoredPlace) => void>> = {
  "its state file": () => {},
  "a state file of an older version": ({ state }) => {
    const { path } = readStates(state)[0]!;
    const text = readFileSync(path, "utf8");
    writeFileSync(path, text.replaceAll(/,"inFile":\{[^}]*\}/g, ""));
    expect(readFileSync(path, "utf8")).not.toBe(text);
  },
  nothing: ({ state }) => rmSync(state, { recursive: true }),
};
for (const [name, forget] of Object.entries(KNOWN))
  test(
    `an older database under the log of a newer one is refused, its own is served; known is ${name}`,
    async () => {
      await using place = new RestoredPlace();
      const main = join(place.data, "chatelaine.db");
      const at = (kept: string) => join(place.base, kept);
      const description = "d".repeat(3_800);
      const first = await place.serve();
      const shown = await fill(first);
      for (let count = 0; count < 12; count++)
        await first.app.keys.create(SYSTEM, { name: `more ${count}`, username: "ada", description });
      const { key: last } = await first.app.keys.create(SYSTEM, {
        name: "last",
        username: "ada",
        description,
      });
      await place.stop();
      copyFileSync(main, at("old"));
      const second = await place.serve();
      await second.app.keys.revoke(SYSTEM, shown.second.id, "stolen");
      await place.stop();
      const third = await place.serve();
      for (const tag of ["a", "b"]) await third.app.keys.update(SYSTEM, last.id, { tags: [tag] });
      // As it is after a crash now.
      cpSync(place.state, at("known"), { recursive: true });
      for (const end of ["", "-wal"]) copyFileSync(`${main}${end}`, at(`new${end}`));
      await place.stop();
      rmSync(place.state, { recursive: true });
      renameSync(at("known"), place.state);
      // The process that is noted as the server is gone after a crash.
      for (const note of readdirSync(place.state).filter((one) => one.endsWith(".server")))
        rmSync(join(place.state, note));
      forget(place);
      const put = (file: string): void => {
        copyFileSync(at(file), main);
        copyFileSync(at("new-wal"), `${main}-wal`);
        rmSync(`${main}-shm`, { force: true });
      };

      put("old");
      const stderr = expect.stringContaining("do not belong together");
      expect(await startAgain(place)).toMatchObject({ code: 78, stderr });
      const listed = await run(["key", "list", "--data", place.data, "--state", place.state]);
      expect(listed).toMatchObject({ code: 1, stdout: "", stderr });
      for (const [file, kept] of [
        [main, "old"],
        [`${main}-wal`, "new-wal"],
      ] as const)
        expect(readFileSync(file).equals(readFileSync(at(kept)))).toBe(true);

      put("new");
      const again = await place.serve();
      expect(again.app.store.quarantine()).toBeUndefined();
      expect(await auth(again.urls[0]!, shown.key)).toBe(200);
      expect(await auth(again.urls[0]!, shown.second.text)).toBe(401);
      expect((await again.app.keys.get(SYSTEM, last.id)).tags).toEqual(["b"]);
      await place.stop();

      // What the refusal says: without the log the copy is what it is.
      copyFileSync(at("old"), main);
      const older = await place.serve();
      expect(older.app.store.quarantine()).toMatchObject({ why: "behind" });
    },
    TEST_MS,
  );

test(
  "a state file that lags behind the database, or was cut short by a power loss, is caught up",
  async () => {
    await using place = new RestoredPlace();
    const server = await place.serve();
    const shown = await fill(server);
    const { path } = readStates(place.state)[0]!;
    const before = readFileSync(path, "utf8");
    await server.app.keys.revoke(SYSTEM, shown.second.id, "stolen");
    const { seq, record } = readStates(place.state)[0]!;
    expect(record).toBeString();
    await place.stop();
    const old = before.replaceAll(/,"record":"[^"]*"/g, "");
    expect(old).not.toBe(before);
    for (const text of [before, before.slice(0, -5), `${before}\n{"seq":9`, `${before}\0\0\0\0`, old]) {
      writeFileSync(path, text);
      const again = await place.serve();
      expect(again.app.store.quarantine()).toBeUndefined();
      expect(await auth(again.urls[0]!, shown.key)).toBe(200);
      await place.stop();
      expect(readStates(place.state)).toMatchObject([{ seq, record }]);
    }
  },
  TEST_MS,
);

test(
  "a copy beside the original is looked at without the original's state file moving",
  async () => {
    await using place = new RestoredPlace();
    await used(place);
    const copy = join(place.base, "copy");
    cpSync(place.data, copy, { recursive: true });
    const local = await place.local(copy);
    await local.keys.create(local.caller, { name: "in the copy", username: "ada" });
    await place.stop();
    expect(place.said(/is a copy of an installation/)).toHaveLength(1);
    const again = await place.serve();
    expect(again.app.store.quarantine()).toBeUndefined();
  },
  TEST_MS,
);

test(
  "where no state file can be kept, the start says what is not noticed then",
  async () => {
    await using place = new RestoredPlace();
    writeFileSync(join(place.base, "file"), "");
    place.state = join(place.base, "file", "state");
    const server = await place.serve();
    const shown = await fill(server);
    expect(await auth(server.urls[0]!, shown.key)).toBe(200);
    expect(place.said(/a rollback of the whole folder cannot be noticed/)).toHaveLength(1);
    const off = await serve(join(place.base, "other"), ["--state", "off"]);
    expect((await off.stop()).stderr).toContain("a rollback of the whole folder cannot be noticed");
  },
  TEST_MS,
);
