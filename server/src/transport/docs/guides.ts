/** Pages for people with a task. Commands carry this server's own address and are run by `docs-truth.test.ts`. */
import { ERROR_WORDS } from "@chatelaine/contract/error-words";
import { ERROR_CODES } from "@chatelaine/contract/errors";
import { ROLE_INCLUDES, ROLE_WORDS, ROLES } from "@chatelaine/contract/roles";
import { html } from "hono/html";
import { errorRow } from "../errors.ts";
import { code, type Markup, type Page, table } from "./layout.ts";
import { scramPage } from "./scram-page.ts";

export function guidePages(): Page[] {
  return [
    START,
    SEND,
    MAKE,
    ROTATE,
    REFUSED,
    EXPIRING,
    GUARD,
    scramPage(),
    MY_KEY,
    ROLES_PAGE,
    ERRORS,
    ...errorPages(),
  ];
}

const START = page(
  "",
  "Start here",
  "a key curl TypeScript Python midclt how to make one how to send it",
  (origin, base) => html`
<p>A <strong>key</strong> is a text such as <code>7-CK1…</code> that a program sends to show whom it works for. It belongs to a user and acts as
that user, or as less where it was narrowed. It is shown once, when it is made or reset; Chatelaine keeps only a digest of it.</p>
<h2>1. Make a key</h2>
<p>On the screen <em>User API Keys</em>, by the button <strong>Add</strong>; or <a href="${base}/make-a-key">from a program</a>.</p>
<h2>2. Put it where your program finds it</h2>
${code(`export CHATELAINE_KEY='7-CK1...'`)}
<h2>3. Send it</h2>
<h3>curl</h3>
${code(curl(origin, "/keys/self"))}
<h3>TypeScript</h3>
${code(`import { createClient } from "@chatelaine/client/client";

const chatelaine = createClient({ url: "${origin}", key: process.env.CHATELAINE_KEY });
console.log(await chatelaine.self.get());`)}
<h3>Python</h3>
${code(`import json, os, urllib.request

request = urllib.request.Request(
    "${origin}/api/v1/keys/self",
    headers={"Authorization": "Bearer " + os.environ["CHATELAINE_KEY"]},
)
print(json.load(urllib.request.urlopen(request)))`)}
<h3>midclt, the TrueNAS command line client</h3>
${code(`midclt -u ${origin.replace(/^http/, "ws")}/api/current -U USER -K "$CHATELAINE_KEY" --plain call auth.me`)}
<h2>Where to go on</h2>
<ul><li><a href="${base}/rest">Every REST operation</a>, to be tried out here</li>
<li><a href="${base}/methods">Every JSON-RPC method</a>, and a <a href="${base}/console">console</a></li>
<li><a href="${base}/my-key">What may my key call?</a></li>
<li><a href="${base}/errors">What an error means</a></li></ul>`,
);

const SEND = page(
  "send-a-key",
  "Send a key",
  "Authorization Bearer X-API-Key Basic header query https",
  (origin) => html`
<p>Send it in a header, over https. On the machine itself plain http will do.</p>
${table(
  ["Way", "Header"],
  [
    ["Bearer", html`<code>Authorization: Bearer KEY</code>`],
    ["Own header", html`<code>X-API-Key: KEY</code>`],
    ["Basic", html`<code>Authorization: Basic base64(USER:KEY)</code>`],
  ],
)}
${code(`curl -H "X-API-Key: $CHATELAINE_KEY" ${origin}/api/v1/keys/self`)}
${code(`curl -u "USER:$CHATELAINE_KEY" ${origin}/api/v1/keys/self`)}
<p>Never in the address: it would stand in every log on the way, so such a request is refused. Two different keys in one request are refused too.
Over plain http from another machine a right key is refused and left whole, unless the settings say otherwise.</p>`,
);

const MAKE = page(
  "make-a-key",
  "Make a key from a program",
  "create POST keys expires roles scopes Idempotency-Key once",
  (origin, base) => html`
<p>The answer has the key itself, this once. Who may act only for himself names himself as <code>username</code>.</p>
${code(`curl -X POST ${origin}/api/v1/keys \\
  -H "Authorization: Bearer $CHATELAINE_KEY" -H "Content-Type: application/json" \\
  -H "Idempotency-Key: $(uuidgen)" \\
  -d '{"name": "backup", "username": "USER", "expires_at": "2030-01-31T00:00:00Z"}'`)}
<p>With an <code>Idempotency-Key</code> the same request may be sent again when the answer was lost: it makes no second key.</p>
<p>A key for services only, which may do nothing in Chatelaine itself, has <code>"roles": []</code>.
See <a href="${base}/rest">the operation</a> for every member.</p>`,
);

const ROTATE = page(
  "rotate-a-key",
  "Rotate a key from CI",
  "reset renew self rotation new secret pipeline",
  (origin) => html`
<p>A key can reset itself, so that a pipeline needs no other credential. The old text is dead at once; id, name, owner and limits stay.</p>
${code(`curl -fsS -X POST ${origin}/api/v1/keys/self/reset \\
  -H "Authorization: Bearer $CHATELAINE_KEY" -H "Content-Type: application/json" -d '{}'`)}
<p>Take <code>key</code> out of the answer and put it where the old one was. Keep the answer before all else, and do not retry: if it is lost, the old text cannot ask again, and somebody else has to reset the key. If it expires, its end stays; to move it, the key needs a role that edits keys:
send <code>{"expires_at": "2031-01-31T00:00:00Z"}</code>.</p>`,
);

const REFUSED = page(
  "why-refused",
  "Find why a key was refused",
  "401 403 expired revoked paused reason audit insecure",
  (origin, base) => html`
<p>The answer says it to whoever has the right key: look at <code>code</code> and <code>detail</code>.</p>
${code(curl(origin, "/keys/self"))}
<p>A wrong key and one that does not exist are told alike: <code>not_authenticated</code>. Then compare the last four characters with
<code>hint</code>, and see whether the number and the hyphen at the beginning were copied too.</p>
<p>An auditor sees every refusal with its reason and address:</p>
${code(`curl -H "Authorization: Bearer $CHATELAINE_KEY" "${origin}/api/v1/audit?success=false&event=AUTHENTICATION"`)}
<p>Each code has <a href="${base}/errors">a page</a> that says what to do.</p>`,
);

const EXPIRING = page(
  "expiring-keys",
  "List keys that expire",
  "expiry expires_soon expires_before list unused",
  (origin) => html`
<p>Those that end within seven days:</p>
${code(`curl -H "Authorization: Bearer $CHATELAINE_KEY" "${origin}/api/v1/keys?status=expires_soon&order=expires_at"`)}
<p>Those that end before an instant, and those that nobody has used for long:</p>
${code(`curl -H "Authorization: Bearer $CHATELAINE_KEY" "${origin}/api/v1/keys?expires_before=2030-01-01T00:00:00Z"`)}
${code(`curl -H "Authorization: Bearer $CHATELAINE_KEY" "${origin}/api/v1/keys?unused_since=2026-01-01T00:00:00Z"`)}
<p>Pages have 50 entries; <code>next</code> is the <code>cursor</code> of the page after.</p>`,
);

const GUARD = page(
  "guard-a-service",
  "Guard a service",
  "service who is it session middleware fetch bearer roles scopes nginx auth_request proxy verify address",
  (origin) => html`
<p>A service hands the key that it was given on to Chatelaine and learns whose it is and what it may. It sends the caller's key, not one of its own:</p>
${code(`const chatelaine = "${origin}";

Bun.serve({
  port: 3000,
  fetch: async (request) => {
    const Authorization = request.headers.get("authorization") ?? "";
    const answer = await fetch(chatelaine + "/api/v1/session", { headers: { Authorization } });
    if (answer.status === 429 || answer.status >= 500) return new Response("Try again shortly", { status: 503 });
    const me = await answer.json();
    if (!answer.ok || !me.user) return new Response("No", { status: 401 });
    if (!me.scopes.includes("*") && !me.scopes.includes("notes:read")) return new Response("No", { status: 403 });
    return new Response("Hello " + me.user.username);
  },
});`)}
<p>Never keep an answer: a key that was revoked must stop at once. Never take a 429 or a 503 for a no.</p>
<p>Without a key <code>/api/v1/session</code> answers 200 with <code>"user": null</code>. A proxy that looks at the status alone asks <code>/api/v1/keys/self</code>, which says 401. In nginx, before a service on port 3911:</p>
${code(`location / {
  auth_request /key;
  proxy_set_header Authorization "";
  proxy_set_header X-API-Key "";
  proxy_pass http://127.0.0.1:3911;
}
location = /key {
  internal;
  proxy_pass ${origin}/api/v1/keys/self;
  proxy_pass_request_body off;
  proxy_set_header Content-Length "";
}`)}
<p>A key that is held to addresses is so held to the service's own. To have the caller's address and a scope looked at, ask <code>POST /api/v1/verify</code> with <code>key</code>, <code>scope</code> and <code>ip</code>: 200 either way, <code>valid</code> says which.</p>`,
);

const MY_KEY = page(
  "my-key",
  "What may my key call?",
  "roles scopes operations permissions",
  () => html`
<p>Give a key, or leave the field empty to ask about the session of this browser. It is sent to this server alone and kept nowhere.</p>
<form id="my-key" class="wide"><label>Key <input name="text" type="password" autocomplete="off" spellcheck="false"></label><p><button>Ask</button></p></form>
<div id="my-key-answer" tabindex="-1" aria-live="polite"></div>`,
);

const ROLES_PAGE = page(
  "roles",
  "Roles",
  ROLES.join(" "),
  () =>
    html`<p>What one may do in Chatelaine. A user has the roles of his own and of his groups; a key has its owner's, or fewer.</p>${table(
      ["Role", "What it lets do", "Includes"],
      ROLES.map((role) => [
        html`<code>${role}</code>`,
        ROLE_WORDS[role].words,
        role === "FULL_ADMIN" ? "every role" : ROLE_INCLUDES[role].join(", ") || "–",
      ]),
    )}`,
);

const ERRORS = page(
  "errors",
  "Errors",
  "problem document RFC 9457 code status",
  (_, base) =>
    html`<p>Every refusal is a problem document (RFC 9457) with a stable <code>code</code>; <code>type</code> is the address of its page here, and <code>request_id</code> finds it in the server's log.</p>${table(
      ["Code", "Status", "Meaning"],
      ERROR_CODES.map((one) => [
        html`<a href="${base}/errors/${one}"><code>${one}</code></a>`,
        String(errorRow(one).status),
        ERROR_WORDS[one].title,
      ]),
    )}`,
);

/** Not in the list of pages at the side: the list of errors leads to them. */
function errorPages(): Page[] {
  return ERROR_CODES.map((one) => {
    const { title, words, remedy } = ERROR_WORDS[one];
    const { status, rpc, errname } = errorRow(one);
    return {
      path: `errors/${one}`,
      title,
      section: "",
      words: `${one} ${words} ${remedy}`,
      body: () =>
        html`<p><code>${one}</code>, HTTP ${status}; by JSON-RPC ${rpc} with ${errname}</p><p>${words}</p><h2>What to do</h2><p>${remedy}</p>`,
    };
  });
}

function curl(origin: string, path: string): string {
  return `curl -H "Authorization: Bearer $CHATELAINE_KEY" ${origin}/api/v1${path}`;
}

function page(
  path: string,
  title: string,
  words: string,
  body: (origin: string, base: string) => Markup,
): Page {
  return { path, title, section: "Guides", words, body };
}
