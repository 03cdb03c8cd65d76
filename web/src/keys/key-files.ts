/** A new key as a file that the browser saves. */
import type { MadeKey } from "./key.ts";

export function downloadText(made: MadeKey): void {
  save(`${fileNameOf(made)}.txt`, `${made.key}\n`, "text/plain");
}

/** As `docker run --env-file`, systemd and dotenv read it. */
export function downloadEnv(made: MadeKey, origin: string): void {
  const text = `CHATELAINE_URL=${origin}\nCHATELAINE_KEY=${made.key}\n`;
  save(`${fileNameOf(made)}.env`, text, "text/plain");
}

/** What clients with SCRAM read: the key's proof instead of the key. */
export function downloadScram({ username, id, name, scram }: MadeKey): void {
  const content = { username, api_key_id: id, ...scram };
  save(`${fileNameOf({ name, id })}-scram.json`, `${JSON.stringify(content, null, 2)}\n`, "application/json");
}

/** A name that every file system takes. */
function fileNameOf({ name, id }: Pick<MadeKey, "name" | "id">): string {
  const plain = name
    .replace(/[^A-Za-z0-9._-]+/g, "-")
    .slice(0, 60)
    .replace(/^[-.]+|[-.]+$/g, "");
  return plain === "" ? `key-${id}` : plain;
}

function save(name: string, text: string, type: string): void {
  const address = URL.createObjectURL(new Blob([text], { type }));
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address));
}
