import { afterAll, afterEach } from "bun:test";
import { closeBrowser, type Screens } from "./screens.ts";

/** Registers what every file of tests does with its screens: the pages go after each test, all else after the last. */
export function closeAfter(screens: () => Screens): void {
  afterEach(() => screens().closePages());
  afterAll(async () => {
    await screens()[Symbol.asyncDispose]();
    await closeBrowser();
  });
}
