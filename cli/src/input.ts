/** Secrets come in by standard input or are typed unseen, never by arguments, which everybody on the machine can read. */
import { InvalidArgumentError } from "commander";

const SECRET_BYTES_MAX = 65_536;
const INTERRUPT = "\u0003";
/** Enter, Ctrl-C and Ctrl-D. */
const ENDS = ["\r", "\n", INTERRUPT, "\u0004"];

/** All of standard input, without one line end at its end; no more is read than may be in it. */
export async function readStdin(): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of Bun.stdin.stream()) {
    length += chunk.length;
    if (length > SECRET_BYTES_MAX) throw new InvalidArgumentError("Standard input is too long.");
    chunks.push(chunk);
  }
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
      .decode(Buffer.concat(chunks))
      .replace(/\r?\n$/, "");
  } catch {
    throw new InvalidArgumentError("Standard input is not UTF-8.");
  }
}

/** A new password: from standard input where asked for, else typed twice on the terminal. */
export async function readNewPassword(fromStdin: boolean | undefined): Promise<string> {
  if (fromStdin) return readStdin();
  if (!process.stdin.isTTY)
    throw new InvalidArgumentError("Without a terminal the password comes by --password-stdin.");
  const password = await askUnseen("New password: ");
  if ((await askUnseen("Once more: ")) !== password) throw new Error("The two passwords differ.");
  return password;
}

/** A key: from standard input, or typed where that is a terminal. */
export async function readKey(fromStdin: boolean | undefined): Promise<string> {
  const text = process.stdin.isTTY && !fromStdin ? await askUnseen("Key: ") : await readStdin();
  return text.trim();
}

export function askUnseen(question: string): Promise<string> {
  const { stdin, stderr } = process;
  stdin.setEncoding("utf8");
  // Before the question, so that not even a quick answer is seen.
  stdin.setRawMode(true);
  stdin.resume();
  stderr.write(question);
  return new Promise((resolve, reject) => {
    let typed = "";
    const onData = (data: string): void => {
      const chunk = [...data];
      const end = chunk.findIndex((char) => ENDS.includes(char));
      typed = edit(typed, end < 0 ? chunk : chunk.slice(0, end));
      if (end < 0) return;
      stdin.off("data", onData);
      stdin.setRawMode(false);
      stdin.pause();
      stderr.write("\n");
      if (chunk[end] === INTERRUPT) reject(new Error("Interrupted."));
      else resolve(typed);
    };
    stdin.on("data", onData);
  });
}

/** Backspace takes the last character away, Ctrl-U all of them. */
function edit(before: string, typed: readonly string[]): string {
  let text = before;
  for (const char of typed) {
    if (char === "\u007f" || char === "\b") text = [...text].slice(0, -1).join("");
    else text = char === "\u0015" ? "" : text + char;
  }
  return text;
}
