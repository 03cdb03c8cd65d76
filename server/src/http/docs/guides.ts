/** Pages for people with a task. Commands carry this server's own address and are run by `docs-truth.test.ts`. */
import { ERROR_WORDS } from "@chatelaine/contract/error-words";
import { ERROR_CODES } from "@chatelaine/contract/errors";
import { OPERATIONS } from "@chatelaine/contract/operations/operations";
import { ROLE_INCLUDES, ROLE_WORDS, ROLES } from "@chatelaine/contract/roles";
import { html } from "hono/html";
import { errorRow } from "../errors.ts";
import { exampleProblem as problemOf } from "../rest/problem.ts";
import { curl, guide } from "./guide.ts";
import { code, type DocsPage, type Markup, table } from "./layout.ts";
import { myKeyPage } from "./my-key.ts";
import { operationPath } from "./operations.ts";
import type { MethodDoc } from "./rpc.ts";
import { scramPage } from "./scram-page.ts";
import { TASK_GUIDES } from "./task-guides.ts";

/** @param methods of the version that is read about */
export function guidePages(methods: readonly MethodDoc[]): DocsPage[] {
  return [
    START,
    SEND,
    MAKE,
    ...TASK_GUIDES,
    scramPage(),
    myKeyPage(methods),
    ROLES_PAGE,
    ERRORS,
    ...errorPages(),
  ];
}

const START = guide(
  "",
  "Start here",
  "What a key is, how to make one, and how to send it from curl, TypeScript, Python and midclt.",
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

const chatelaine = createClient({
  url: "${origin}",
  key: process.env.CHATELAINE_KEY,
});
console.log(await chatelaine.self.get());`)}
<h3>Python</h3>
${code(`import json, os, urllib.request

request = urllib.request.Request(
    "${origin}/api/v1/keys/self",
    headers={"Authorization": "Bearer " + os.environ["CHATELAINE_KEY"]},
)
print(json.load(urllib.request.urlopen(request)))`)}
<h3>midclt, the TrueNAS command line client</h3>
${code(`midclt -u ${origin.replace(/^http/, "ws")}/api/current \\
  -U USER -K "$CHATELAINE_KEY" --plain call auth.me`)}
<h2>Where to go on</h2>
<ul><li><a href="${base}/rest">Every REST operation</a>, to be tried out here</li>
<li><a href="${base}/methods">Every JSON-RPC method</a>, and a <a href="${base}/console">console</a></li>
<li><a href="${base}/my-key">What may my key call?</a></li>
<li><a href="${base}/errors">What an error means</a></li></ul>`,
);

const SEND = guide(
  "send-a-key",
  "Send a key",
  "In a header, over https: Authorization Bearer, X-API-Key or Basic; never in the address.",
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
${code(`curl -H "X-API-Key: $CHATELAINE_KEY" \\
  ${origin}/api/v1/keys/self`)}
${code(`curl -u "USER:$CHATELAINE_KEY" \\
  ${origin}/api/v1/keys/self`)}
${origin.startsWith("https:") ? ownCertificate(origin) : ""}
<p>The name beside the key counts for nothing: a key has its owner. The key may stand as the name too, without a password.</p>
<p>Never in the address: it would stand in every log on the way, so such a request is refused. Two different keys in one request are refused too.
Over plain http from another machine a right key is refused and left whole, unless the settings say otherwise.</p>`,
);

const MAKE = guide(
  "make-a-key",
  "Make a key from a program",
  "POST /api/v1/keys, once, with an Idempotency-Key; what it may be narrowed to.",
  (origin, base) => html`
<p>The answer has the key itself, this once. Who may act only for himself names himself as <code>username</code>.</p>
${code(`curl -X POST ${origin}/api/v1/keys \\
  -H "Authorization: Bearer $CHATELAINE_KEY" \\
  -H "Content-Type: application/json" \\
  -H "Idempotency-Key: $(uuidgen)" \\
  -d '{"name": "backup", "username": "USER",
       "expires_at": "2030-01-31T00:00:00Z"}'`)}
<p>With an <code>Idempotency-Key</code> the same request may be sent again when the answer was lost: it makes no second key.</p>
<p>A key hands on no more than it has. Its end, rate, addresses, roles and scopes bind what it makes, edits and resets, itself included,
so <code>expires_at</code> must be no later than its own; a key with a rate limit makes no other. A key that is held to anything sets no password,
gives no rights to users who can sign in, makes and changes no keys of other users, and changes no settings, unless a full administrator allows it
on the screens or by <code>chatelaine key edit ID --manages-sign-in</code>. Terraform with a key that is held to limits needs that for its users.</p>
<p>A key for services only, which may do nothing in Chatelaine itself, has <code>"roles": []</code>.
See <a href="${base}/${operationPath(OPERATIONS["keys.create"])}">the operation</a> for every member.</p>`,
);

const ROLES_PAGE = guide(
  "roles",
  "Roles",
  "What each role lets its holder do, and which others it includes.",
  () =>
    html`<p>What one may do in Chatelaine. A user has their own roles and those of their groups; a key has its owner's, or fewer. A key that is held to anything sets no passwords, gives no rights to users who can sign in, makes and changes no keys of other users, and changes no settings, whatever its roles, unless it may manage sign-in.</p>${table(
      ["Role", "What it lets do", "Includes"],
      ROLES.map((role) => [
        html`<code>${role}</code>`,
        ROLE_WORDS[role].words,
        role === "FULL_ADMIN" ? "every role" : ROLE_INCLUDES[role].join(", ") || "–",
      ]),
    )}`,
);

const ERRORS = guide(
  "errors",
  "Errors",
  "Every error code with its status and what it means; how a problem document (RFC 9457) looks.",
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
function errorPages(): DocsPage[] {
  return ERROR_CODES.map((one) => {
    const { title, words, remedy } = ERROR_WORDS[one];
    const { status, rpc, errname } = errorRow(one);
    return {
      path: `errors/${one}`,
      title,
      section: "",
      searchText: words,
      body: (
        _,
        base,
      ) => html`<p><code>${one}</code>, HTTP ${status}; by JSON-RPC ${rpc} with ${errname}</p><p>${inline(words)}</p>
<h2>What to do</h2><p>${inline(remedy)}</p>
<h2>How it looks</h2>${code(JSON.stringify(problemOf(one), null, 2))}
<p>More on <a href="${base}/errors">errors</a>.</p>`,
    };
  });
}

/** A server without a certificate of its own choice has one that no client knows. */
function ownCertificate(origin: string): Markup {
  return html`<h2 id="certificate">Where clients do not know the certificate</h2>
<p>This server makes certificates by an authority of its own, unless it was given one. Fetch that authority once, and name it to the client:</p>
${code(`curl -k -o chatelaine-ca.pem ${origin}/ca.pem`)}
${code(`curl --cacert chatelaine-ca.pem \\
  -H "Authorization: Bearer $CHATELAINE_KEY" \\
  ${origin}/api/v1/keys/self`)}
<p>Compare the file with the server's, because whoever stands between could send another. Python takes it from <code>SSL_CERT_FILE</code>, Node from
<code>NODE_EXTRA_CA_CERTS</code>.</p>`;
}

/** Words between backticks as code. */
function inline(words: string): (string | Markup)[] {
  return words.split("`").map((part, place) => (place % 2 === 1 ? html`<code>${part}</code>` : part));
}
