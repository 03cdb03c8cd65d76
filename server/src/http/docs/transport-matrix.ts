/** The table of `transport-matrix.txt`, whose cells `transport-matrix.test.ts` tries on real listeners. */
import { type Markup, table } from "./layout.ts";
import matrix from "./transport-matrix.txt" with { type: "text" };

export function transportMatrix(): Markup {
  const heads = ["From", "Listener", "Peer", "Headers", "REST", "/auth", "PLAIN", "SCRAM", "Password"];
  return table(heads, rowsOf(matrix));
}

/** Rows of one place with the same outcomes stand together. */
function rowsOf(text: string): string[][] {
  const rows: string[][] = [];
  for (const line of text.split("\n")) {
    if (line === "" || line.startsWith("#")) continue;
    const [from = "", listener = "", peer = "", said = "", ...outcomes] = line.split(" | ");
    const alike = rows.find(
      (row) =>
        row.slice(0, 3).join() === [from, listener, peer].join() && row.slice(4).join() === outcomes.join(),
    );
    if (alike) alike[3] += `; ${said}`;
    else rows.push([from, listener, peer, said, ...outcomes]);
  }
  return rows;
}
