/**
 * Loaded before every test file (`bunfig.toml`): no test keeps the state file of its installations where a real server of
 * this user keeps its own. `scripts/test.ts` makes one folder for the whole run and removes it, and looks whether a test
 * used the real one all the same; where a file is run without it, the process makes a folder of its own.
 */
import { afterAll } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const ofRun = process.env.CHATELAINE_TEST_STATE;
if (ofRun === undefined) {
  const folder = mkdtempSync(join(tmpdir(), "chatelaine-test-state-"));
  process.env.CHATELAINE_STATE = folder;
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
} else {
  process.env.CHATELAINE_STATE = ofRun;
}
