/** Makes and deletes a key by the generated client. `schema.d.ts` is put beside a copy of this file by the test. */
import createClient from "openapi-fetch";
import type { paths } from "./schema.js";

declare const process: { readonly argv: readonly string[] };

const [, , baseUrl = "", key = ""] = process.argv;
const client = createClient<paths>({
  baseUrl: `${baseUrl}/api/v1`,
  headers: { Authorization: `Bearer ${key}` },
});

const made = await client.POST("/keys", {
  body: { name: "generated", username: "ada", tags: ["generated"] },
});
if (!made.data) throw new Error(made.error.detail);
const listed = await client.GET("/keys", { params: { query: { tag: ["generated"], limit: 10 } } });
if (listed.data?.entries[0]?.id !== made.data.id) throw new Error("The key is not in the list");
const removed = await client.DELETE("/keys/{id}", { params: { path: { id: made.data.id } } });
if (!removed.data) throw new Error(removed.error.detail);
const gone = await client.GET("/keys/{id}", { params: { path: { id: made.data.id } } });
console.log(JSON.stringify({ key: made.data.key, removed: removed.data.id, code: gone.error?.code }));
