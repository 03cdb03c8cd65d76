/** SCRAM and key files. The vector and the program that reproduces it are run by `docs-truth.test.ts`. */
import { OPERATIONS } from "@chatelaine/contract/operations/operations";
import { html } from "hono/html";
import { code, type DocsPage, type Markup, table } from "./layout.ts";
import { operationPath } from "./operations.ts";
import { signInProgram } from "./scram-program.ts";

const CLIENT_NONCE = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const NONCE = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+Pw==";
const SALT = "MDEyMzQ1Njc4OWFiY2RlZg==";

/** Made for this page: no key of anybody. */
export const VECTOR = {
  body: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789ab",
  clientKey: "irhoDJgaYRoIDzTcQ2B8KwXHwvPhF2LX+UqJdNyxDOWbuTAbWSqa6yk6TzbH6AkOv4YCwtwmRWJP5UhjWrIeYg==",
  storedKey: "i/m+buURTt9COgYXaJLoFrHqUqGGVudBNCah7uu6oPNLxgNm5ef6iqCNyHwFOaWfN9NBcs6TRr4ueAKVZpYzpA==",
  serverKey: "V6EDPQ6VBkZgoMjBvOi+4sJxd6FeoWT6r9sYAUIrGsmRSySApFhLxpsdQarIVMe3DR7JIVMTFJgniso9GxUpYA==",
  binding: "89eee6b6c7541508d753a43e2aaf9267e81f1c8e4302146769742c93d293077c",
  clientFirst: `n,,n=root:7,r=${CLIENT_NONCE}`,
  serverFirst: `r=${NONCE},s=${SALT},i=50000`,
  clientFinal: `c=biws,r=${NONCE},p=5R3IribXNm/5sZ+5T42s3Ebx9gAMhpwZFQWi4UEG5+KQsVAfNpXX4KjqgOnUQH9jWBN16HbBmCYXOc/66vSuug==`,
  serverFinal: "v=S8z5n9448QfawbZnT+ohOdYUbtLSkfrqrIyR7f2bf5F/C8rYYaWjETGnt6Aw/kZFYq9ofPC+hm9rNkeseJr67A==",
  boundFinal: `c=cD10bHMtc2VydmVyLWVuZC1wb2ludCwsie7mtsdUFQjXU6Q+Kq+SZ+gfHI5DAhRnaXQsk9KTB3w=,r=${NONCE},p=21Gmqs/HWo5+sn9YKJglhwF10bIPOBiQyfDc4/qvvbaaOzOzQDEVJ1Am9x64J6boExanGvWj55P1i9zOzKz1mg==`,
  boundServerFinal:
    "v=3R2EUDEpDYlRMBwdshZWJqEW50c9itqN/VUuaguwUxHFlsa3IXEwZVW0dpkhI8oQ1jOUA7XJthpwGHPEfQvhRg==",
} as const;

const PROGRAM = `import base64, hashlib, hmac

def h(key, text):
    return hmac.new(key, text, hashlib.sha512).digest()

def b64(data):
    return base64.b64encode(data).decode()

body = b"${VECTOR.body}"
first = "n=root:7,r=${CLIENT_NONCE}"
server = "${VECTOR.serverFirst}"
final = "c=biws,r=${NONCE}"

salted = hashlib.pbkdf2_hmac("sha512", body, base64.b64decode("${SALT}"), 50000)
client_key, server_key = h(salted, b"Client Key"), h(salted, b"Server Key")
stored_key = hashlib.sha512(client_key).digest()
message = ",".join([first, server, final]).encode()
proof = bytes(a ^ b for a, b in zip(client_key, h(stored_key, message)))
print("client_key", b64(client_key))
print("stored_key", b64(stored_key))
print("server_key", b64(server_key))
print("p=" + b64(proof))
print("v=" + b64(h(server_key, message)))`;

export function scramPage(): DocsPage {
  return {
    path: "scram",
    title: "Sign in by SCRAM",
    section: "Guides",
    searchText: "From Python, or by hand: SCRAM-SHA-512, channel binding, key files, a test vector.",
    body: (origin, base) => html`
<p>By SCRAM the key never crosses the line, and the client notices a false server. Where clients do not know this server's certificate,
<a href="${base}/send-a-key">name its authority to them first</a>. The official Python client (<code>pip install git+https://github.com/truenas/api_client.git</code>, of version 26 or later) does it by itself over <code>wss</code>; over plain <code>ws</code> it has to be told <code>channel_binding=False</code>:</p>
${code(`from truenas_api_client import Client

with Client("${origin.replace(/^http/, "ws")}/api/current") as client:
    key = open("/run/secrets/chatelaine").read().strip()
    client.login_with_api_key("USER", key${origin.startsWith("http:") ? ", channel_binding=False" : ""})
    print(client.call("auth.me"))`)}
<p>With nothing but Python itself, where no package can be installed:</p>
${code(signInProgram(origin))}
${keyFiles(origin, base)}${exchange(base)}${vector()}`,
  };
}

function keyFiles(origin: string, base: string): Markup {
  return html`<h2 id="key-files">Key files</h2>
<p>A key file holds what is derived from the key, so that a client need not compute it each time, and the key itself need not lie on the disk. Ask for its members when the key is made or reset:</p>
${code(`curl -X POST "${origin}/api/v1/keys?scram=1" \\
  -H "Authorization: Bearer $CHATELAINE_KEY" \\
  -H "Content-Type: application/json" \\
  -d '{"name": "with file", "username": "USER"}'`)}
<p>Of a key that is there already, <a href="${base}/${operationPath(OPERATIONS["keys.scram"])}"><code>POST /keys/scram</code></a> computes them, as does <a href="${base}/methods/api_key.convert_raw_key"><code>api_key.convert_raw_key</code></a>. The official client takes the file's absolute path in the place of the key. As JSON:</p>
${code(`{"api_key_id": 7,
 "client_key": "irhoDJga...", "stored_key": "i/m+buUR...", "server_key": "V6EDPQ6V..."}`)}
<p>or as INI:</p>
${code(`[TRUENAS_API_KEY]
api_key_id = 7
client_key = irhoDJga...
stored_key = i/m+buUR...
server_key = V6EDPQ6V...`)}
<p>With <code>raw_key</code> alone, the whole text of the key, the client derives the rest. Whoever has <code>client_key</code> can sign in: guard the file as you would the key (mode 0600). A reset of the key makes it worthless.</p>`;
}

function exchange(base: string): Markup {
  return html`<h2>The exchange</h2>
<p>SCRAM-SHA-512 (RFC 5802, RFC 7677), four messages in two calls of <a href="${base}/methods/auth.login_ex"><code>auth.login_ex</code></a> on one connection.</p>
${table(
  ["Point", "Here"],
  [
    ["Secret", "the 64 characters of the key after its hyphen"],
    ["Rounds", "50 000 of PBKDF2-HMAC-SHA-512, told as i="],
    ["Salt", "16 bytes, told as s="],
    ["User name", html`<code>USER:NUMBER</code>, the key's owner and number`],
    [
      "Combined nonce",
      "base64 of the client's 32 nonce bytes followed by the server's 32: bytes joined, not texts as in RFC 5802",
    ],
    [
      "Channel binding",
      html`<code>tls-server-end-point</code> over TLS: the first message begins <code>p=tls-server-end-point,,</code>, or <code>n,,</code> for none, which makes <code>c=biws</code>. Behind a proxy that ends TLS, the settings name the certificate that clients see.`,
    ],
    ["A name that is not there", "gets a salt too, and fails at the second step like a wrong key"],
  ],
)}
${code(`{"jsonrpc": "2.0", "id": 1, "method": "auth.login_ex", "params": [{"mechanism": "SCRAM",
  "scram_type": "CLIENT_FIRST_MESSAGE", "rfc_str": "n,,n=root:7,r=..."}]}`)}
${code(`{"jsonrpc": "2.0", "id": 1, "result": {"response_type": "SCRAM_RESPONSE",
  "scram_type": "SERVER_FIRST_RESPONSE", "rfc_str": "r=...,s=...,i=50000", "user_info": null}}`)}
<p>Then the same with <code>CLIENT_FINAL_MESSAGE</code>, answered by <code>SERVER_FINAL_RESPONSE</code> with <code>v=</code>, which the client compares.</p>`;
}

function vector(): Markup {
  return html`<h2 id="vector">Test vector</h2>
<p>Key 7 of <code>root</code>; salt the bytes <code>0123456789abcdef</code>; client nonce the bytes 00 to 1f, server nonce 20 to 3f; no channel binding.</p>
${table(
  ["What", "Value"],
  [
    ["after the hyphen", html`<code>${VECTOR.body}</code>`],
    ["client_key", html`<code>${VECTOR.clientKey}</code>`],
    ["stored_key", html`<code>${VECTOR.storedKey}</code>`],
    ["server_key", html`<code>${VECTOR.serverKey}</code>`],
    ["client, first", html`<code>${VECTOR.clientFirst}</code>`],
    ["server, first", html`<code>${VECTOR.serverFirst}</code>`],
    ["client, final", html`<code>${VECTOR.clientFinal}</code>`],
    ["server, final", html`<code>${VECTOR.serverFinal}</code>`],
  ],
)}
<p>The same bound to the certificate whose digest is <code>${VECTOR.binding}</code>, the first message beginning <code>p=tls-server-end-point,,</code>:</p>
${table(
  ["What", "Value"],
  [
    ["client, final", html`<code>${VECTOR.boundFinal}</code>`],
    ["server, final", html`<code>${VECTOR.boundServerFinal}</code>`],
  ],
)}
<p>This program reproduces it with nothing but Python itself:</p>
${code(PROGRAM)}`;
}
