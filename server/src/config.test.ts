import { describe, expect, test } from "bun:test";
import { dataFolder, readConfig, stateFolder } from "./config.ts";

const read = (raw: Parameters<typeof readConfig>[0], env: Record<string, string> = {}) =>
  readConfig(raw, env);

describe("the configuration", () => {
  test("has the defaults that the README states", () => {
    const config = read({ data: "/x" });
    expect(config.http).toEqual({ kind: "tcp", host: "127.0.0.1", port: 5390 });
    expect(config.https).toEqual({ kind: "tcp", host: "127.0.0.1", port: 5397 });
    expect(config.anonymousRate).toBe(20);
  });

  test("says which flag to set where there is no home folder, and keeps no state file there", () => {
    const homeless = {
      isRoot: false,
      home: () => {
        throw new Error("ENOENT: no such file or directory, uv_os_homedir");
      },
    };
    expect(() => dataFolder(undefined, {}, homeless)).toThrow(
      "This user has no home folder (HOME is not set, or is not a whole path): name a folder for the data with --data or CHATELAINE_DATA",
    );
    for (const home of ["", "relative"]) {
      const lost = { isRoot: false, home: () => home };
      expect(() => dataFolder(undefined, {}, lost)).toThrow("--data or CHATELAINE_DATA");
      expect(stateFolder(undefined, {}, lost)).toBeNull();
    }
    const ada = { isRoot: false, home: () => "/nonexistent" };
    expect(dataFolder(undefined, {}, ada)).toBe("/nonexistent/.local/share/chatelaine");
    expect(stateFolder(undefined, {}, ada)).toBe("/nonexistent/.local/state/chatelaine");
    const root = { isRoot: true, home: () => "/root" };
    expect(dataFolder(undefined, { XDG_DATA_HOME: "/share" }, root)).toBe("/var/lib/chatelaine");
    expect(dataFolder("/x", {}, homeless)).toBe("/x");
    expect(dataFolder(undefined, { XDG_DATA_HOME: "/share" }, homeless)).toBe("/share/chatelaine");
    expect(stateFolder(undefined, {}, homeless)).toBeNull();
    expect(stateFolder(undefined, { XDG_STATE_HOME: "/state" }, homeless)).toBe("/state/chatelaine");
  });

  test("takes flags before environment", () => {
    const env = {
      CHATELAINE_HTTP: "127.0.0.1:1",
      CHATELAINE_DATA: "/env",
      CHATELAINE_TRUSTED_PROXY: "10.0.0.0/8 unix",
    };
    expect(read({}, env)).toMatchObject({ data: "/env", http: { port: 1 }, trustUnix: true });
    expect(read({ http: "off", data: "/flag", trustedProxy: ["10.1.1.1"] }, env)).toMatchObject({
      data: "/flag",
      http: null,
      trustUnix: false,
    });
  });

  test("takes IPv6, names and unix sockets", () => {
    expect(read({ http: "[::1]:8" }).http).toEqual({ kind: "tcp", host: "::1", port: 8 });
    expect(read({ http: "localhost:8" }).http).toEqual({ kind: "tcp", host: "localhost", port: 8 });
    expect(read({ http: "unix:/run/x.sock" }).http).toEqual({ kind: "unix", path: "/run/x.sock" });
  });

  test("names every problem at once, each with its flag", () => {
    const wrong = {
      http: "nonsense",
      https: "1.2.3.4:99999",
      cert: "/c.pem",
      trustedProxy: ["10.0.0.0/99"],
      allowOrigin: ["keys.example"],
      allowHost: ["keys.example", "keys.example:80"],
      anonymousRate: "-1",
      logLevel: "loud",
      logFormat: "xml",
    };
    let message = "";
    try {
      read(wrong);
    } catch (error) {
      message = (error as Error).message;
    }
    for (const flag of [
      "--http",
      "--https",
      "--cert",
      "--trusted-proxy",
      "--allow-origin",
      "--allow-host",
      "--anonymous-rate",
      "--log-level",
      "--log-format",
    ]) {
      expect(message).toContain(flag);
    }
  });

  test("refuses to listen nowhere", () => {
    expect(() => read({ http: "off", https: "off" })).toThrow("nothing would listen");
  });
});
