/**
 * Loaded before every test file (`bunfig.toml`): no test keeps the state file of its installations where a real server of
 * this user keeps its own. `scripts/test.ts` looks whether one did all the same.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const folder = mkdtempSync(join(tmpdir(), "chatelaine-test-state-"));
process.env.CHATELAINE_STATE = folder;
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
