import { describe, expect, test } from "bun:test";
import { DEFAULT_SETTINGS, SETTING_NAMES, settingFault } from "./settings.ts";

describe("settings", () => {
  test("begin with values that are allowed, each by its own name", () => {
    const { version, ...first } = DEFAULT_SETTINGS;
    for (const [name, value] of Object.entries(first)) expect(settingFault(name, value)).toBe(undefined);
    expect(Object.keys(first).sort()).toEqual([...SETTING_NAMES].sort());
    // It rises by itself, and nobody sets it.
    expect(settingFault("version", version)).toBe("There is no such setting");
    expect(settingFault("__proto__", 1)).toBe("There is no such setting");
  });

  test.each<[string, unknown[], unknown[]]>([
    [
      "publicUrl",
      ["https://keys.example.org", "http://[::1]:5390", "https://keys.example.org:8443"],
      [
        "https://keys.example.org/",
        "keys.example.org",
        "https://a:b@x",
        "javascript:alert(1)",
        "https://x/y",
        1,
      ],
    ],
    [
      "webhookUrl",
      ["https://hooks.example.org/a?b=c", "http://127.0.0.1:9/", "http://10.0.0.1/", "http://localhost/x"],
      [
        "ftp://x/",
        "file:///etc/passwd",
        "https://user:word@x/",
        "https://x/#y",
        "http://169.254.169.254/latest/meta-data",
        "http://2852039166/",
        "http://[fe80::1]/",
        "http://[::ffff:169.254.169.254]/",
        "http://[64:ff9b::169.254.169.254]/",
        "http://[fd00:ec2::254]/",
        "http://168.63.129.16/",
        "http://100.100.100.200/",
        "http://192.0.0.192/",
        "http://[64:ff9b::c000:c0]/",
        "http://[64:ff9b:1::1]/",
        "http://[2002:a9fe:a9fe::1]/",
        "",
        7,
      ],
    ],
    ["keyDaysMax", [1, 365, 36_500], [0, 36_501, 1.5, "90", Number.NaN]],
    ["nonExpiringRoles", [["FULL_ADMIN"]], [[], ["NOBODY"], ["FULL_ADMIN", "FULL_ADMIN"], "FULL_ADMIN"]],
    ["sessionIdleMinutes", [5, 1_440], [4, 1_441, null]],
    ["sessionHours", [1, 720], [0, 721, null]],
    ["webhookSecret", ["sixteen letters!"], ["short", "x".repeat(257), 1]],
  ])("%s takes what it should, and nothing else", (name, good, bad) => {
    for (const value of good) expect([value, settingFault(name, value)]).toEqual([value, undefined]);
    for (const value of bad) expect([value, typeof settingFault(name, value)]).toEqual([value, "string"]);
  });
});
