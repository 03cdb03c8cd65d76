/** Another process that serves a data folder, in the clear on loopback, beside the servers of the test's own process. */
const MAIN = new URL("../../cli/src/main.ts", import.meta.url).pathname;

export interface SecondServer extends AsyncDisposable {
  readonly url: string;
  /** SIGTERM unless told otherwise; waits for the end. Done twice it is done once. */
  stop(signal?: NodeJS.Signals): Promise<void>;
}

/** @param folder a data folder. Its state file goes where the test's own servers keep theirs. */
export async function startSecond(folder: string): Promise<SecondServer> {
  const child = Bun.spawn(
    [process.execPath, MAIN, "serve", "--data", folder, "--http", "127.0.0.1:0", "--https", "off"],
    // Without `env` a child gets the environment that this process began with, not the one it has.
    { stdout: "pipe", stderr: "ignore", env: process.env },
  );
  const stop = async (signal: NodeJS.Signals = "SIGTERM"): Promise<void> => {
    child.kill(signal);
    await child.exited;
  };
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let said = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) throw new Error(`The second server ended before it listened: ${said}`);
    said += value;
    const url = /Listening on (\S+)/.exec(said)?.[1];
    if (url !== undefined) return { url, stop, [Symbol.asyncDispose]: () => stop() };
  }
}
