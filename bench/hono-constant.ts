/** The yardstick of REST: Hono answering a constant, of the size that the file named in the arguments has. */
import { Hono } from "hono";

const [port, file] = process.argv.slice(2);
const body = await Bun.file(file!).text();
const app = new Hono();
app.get("/constant", (c) => c.body(body, 200, { "content-type": "application/json" }));
Bun.serve({ port: Number(port), hostname: "127.0.0.1", fetch: app.fetch });
