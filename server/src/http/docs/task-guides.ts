/** Guides for one task each. Their commands carry this server's own address and are run by `docs-truth.test.ts`. */

import { OPERATIONS } from "@chatelaine/contract/operations/operations";
import { html } from "hono/html";
import { BACKUP } from "./backup-guide.ts";
import { curl, guide } from "./guide.ts";
import { code, type DocsPage } from "./layout.ts";
import { operationPath } from "./operations.ts";
import { BEHIND_A_PROXY } from "./proxy-guide.ts";

const ROTATE = guide(
  "rotate-a-key",
  "Rotate a key from CI",
  "A key resets itself, or is reset by another: the new secret takes the place of the old one at once. Renew, replace, pipeline.",
  (origin, base) => html`
<p>A key can reset itself, so that a pipeline needs no other credential. The old text is dead at once; id, name, owner and limits stay.</p>
${code(`answer=$(curl -fsS -X POST ${origin}/api/v1/keys/self/reset \\
  -H "Authorization: Bearer $CHATELAINE_KEY" \\
  -H "Content-Type: application/json" -d '{}') &&
CHATELAINE_KEY=$(printf '%s' "$answer" | sed 's/.*"key":"\\([^"]*\\)".*/\\1/')`)}
<p>Then put <code>$CHATELAINE_KEY</code> where the old one was, such as <code>gh secret set CHATELAINE_KEY --body "$CHATELAINE_KEY"</code>. Keep the
answer before all else, and do not retry: if it is lost, the old text cannot ask again, and somebody else has to reset the key. An end of the key stays as it is.</p>
<h2>By another key, with a new end</h2>
<p>A key of the same user, or of a key manager, may ask again when the answer was lost, and may move the end:</p>
${code(`curl -fsS -X POST ${origin}/api/v1/keys/KEY_ID/reset \\
  -H "Authorization: Bearer $CHATELAINE_KEY" \\
  -H "Content-Type: application/json" \\
  -H "Idempotency-Key: $(uuidgen)" \\
  -d '{"expires_at": "2031-01-31T00:00:00Z"}'`)}
<p>The number of a key is what its text begins with. All members: <a href="${base}/${operationPath(OPERATIONS["self.reset"])}">reset the key that asks</a>,
<a href="${base}/${operationPath(OPERATIONS["keys.reset"])}">reset a key</a>. On the command line: <code>chatelaine key reset KEY_ID</code>.</p>`,
);

const REFUSED = guide(
  "why-refused",
  "Find why a key was refused",
  "By the key itself, by the number of the decision, by the audit log: expired, revoked, paused, locked, scope, address, insecure transport. 401 403.",
  (origin, base) => html`
<h2>You have the key</h2>
<p>The answer says it to whoever has the right key: look at <code>code</code> and <code>detail</code>.</p>
${code(curl(origin, "/keys/self"))}
<p>Each code has <a href="${base}/errors">a page</a> that says what to do. A wrong key and one that does not exist are told alike: <code>not_authenticated</code>.
Then compare the last four characters with <code>hint</code>, and see whether the number and the hyphen at the beginning were copied too.</p>
<h2>You have the number of the decision</h2>
<p>A proxy or service that refused answers with <code>Decision-Id</code>. Whoever may see the key learns the exact rule by it, with a key of the same user:</p>
${code(curl(origin, "/decisions/DECISION_ID"))}
<p>On the command line: <code>chatelaine why DECISION_ID</code>.</p>
<h2>You have neither</h2>
<p>The last hundred refusals of a key, the newest first, under <code>refusals</code>:</p>
${code(curl(origin, "/keys/KEY_ID/use"))}
<p>Every refused sign-in with its reason and address, for an auditor:</p>
${code(curl(origin, "/audit?success=false&event=AUTHENTICATION"))}`,
);

const EXPIRING = guide(
  "expiring-keys",
  "List keys that expire",
  "Keys that end soon or before an instant, and keys that nobody has used: expiry, unused, stale.",
  (origin, base) => html`
<p>Those that end within seven days, the next end first:</p>
${code(curl(origin, "/keys?status=expires_soon&order=ends_at"))}
<p>Those that end before an instant:</p>
${code(curl(origin, "/keys?expires_before=2030-01-01T00:00:00Z"))}
<p>Those that nobody has used since:</p>
${code(curl(origin, "/keys?unused_since=2026-01-01T00:00:00Z"))}
<p>A page has 50 entries, or <code>limit</code>; <code>next</code> is the <code>cursor</code> of the page after, and <code>total</code> counts all. A key holder sees its own keys,
a key reader those of all users. More filters: <a href="${base}/${operationPath(OPERATIONS["keys.list"])}">list keys</a>.</p>`,
);

const GUARD = guide(
  "guard-a-service",
  "Guard a service",
  "Let only good keys through to a service: by a reverse proxy (nginx auth_request, Caddy, HAProxy, Traefik, Envoy), in the service itself, in any language. Forward auth, verify, middleware, scopes.",
  (origin, base) => html`
<h2>By a reverse proxy</h2>
<p>The service stays as it is. This prints the whole configuration; caddy, haproxy, traefik and envoy in the place of nginx too:</p>
${code(`chatelaine proxy nginx --for https://app.example \\
  --to http://127.0.0.1:3000 --scope notes:read`)}
<p>The least of it, by hand, for nginx before a service on port 3911:</p>
${code(`location / {
  auth_request /key;
  auth_request_set $user $upstream_http_remote_user;
  proxy_set_header Remote-User $user;
  proxy_set_header Authorization "";
  proxy_set_header X-API-Key "";
  proxy_pass http://127.0.0.1:3911;
}
location = /key {
  internal;
  proxy_pass ${origin}/auth?scope=notes:read;
  proxy_pass_request_body off;
  proxy_set_header Content-Length "";
  proxy_set_header X-Forwarded-For $remote_addr;
  proxy_set_header X-Forwarded-Proto $scheme;
  proxy_set_header X-Forwarded-Host $host;
}`)}
<h2>In the service</h2>
<p>In TypeScript with nothing else; <code>@chatelaine/client</code> has the same as guards for Hono, Express and Fastify:</p>
${code(`const chatelaine = "${origin}/api/v1/verify";
const headers = { "Content-Type": "application/json" };

Bun.serve({
  port: 3000,
  fetch: async (request, server) => {
    const text = request.headers.get("authorization") ?? "";
    const key = text.replace(/^Bearer +/i, "");
    const ip = server.requestIP(request)?.address;
    const body = JSON.stringify({ key, ip, scope: "notes:read" });
    const answer = await fetch(chatelaine, { method: "POST", headers, body });
    if (!answer.ok) return new Response("Try again", { status: 503 });
    const { valid, reason, decision, user } = await answer.json();
    if (valid) return new Response("Hello " + user.username);
    const status = { paused: 403, scope_missing: 403, rate_limited: 429 }[reason] ?? 401;
    const more = { status, headers: { "Decision-Id": decision } };
    return new Response("No", more);
  },
});`)}
<h2>In any other language</h2>
<p>The answer is 200 whether the key is good or not; <code>valid</code> says which.</p>
${code(`curl -X POST ${origin}/api/v1/verify \\
  -H "Content-Type: application/json" \\
  -d "{\\"key\\": \\"$CHATELAINE_KEY\\", \\"scope\\": \\"notes:read\\"}"`)}
<p>All that it takes and tells: <a href="${base}/${operationPath(OPERATIONS["keys.verify"])}">check a key</a>.</p>
<h2>What to know</h2>
<ul><li>Who may ask: this machine, networks that <code>serve --check-from CIDR</code> names, and keys with the role KEY_VERIFY.</li>
<li>Scopes are granted to users and groups, and narrowed by a key; <a href="${base}/my-key">what a key may</a>.</li>
<li>Never keep an answer: a key that was revoked must stop at once. Never take a 429 or a 503 for a no.</li>
<li>Whoever was refused gets a <code>Decision-Id</code>; <a href="${base}/why-refused">the owner of the key finds why</a>.</li></ul>`,
);

export const TASK_GUIDES: readonly DocsPage[] = [ROTATE, REFUSED, EXPIRING, GUARD, BEHIND_A_PROXY, BACKUP];
