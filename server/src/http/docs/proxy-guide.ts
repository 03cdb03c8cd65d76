/** Chatelaine itself behind a proxy. Its table is the one that `transport-matrix.test.ts` tries on real listeners. */
import { html } from "hono/html";
import { guide } from "./guide.ts";
import { code, type DocsPage, table } from "./layout.ts";
import matrix from "./transport-matrix.txt" with { type: "text" };

export const BEHIND_A_PROXY: DocsPage = guide(
  "behind-a-reverse-proxy",
  "Behind a reverse proxy",
  "nginx, Caddy, Traefik, HAProxy or stunnel before Chatelaine itself: --trusted-proxy, X-Forwarded-Proto, Forwarded, ws and wss, insecure_transport, clear text, 403, errno 95, --secure-from, WireGuard.",
  (_, base) => html`
<p>A proxy in front of Chatelaine ends TLS, so only the proxy knows how its client came. Name the proxy, and let it say so:</p>
${code(`chatelaine serve --trusted-proxy 127.0.0.1`)}
${code(`location / {
  proxy_pass http://127.0.0.1:5390;
  proxy_http_version 1.1;
  proxy_set_header Host $http_host;
  proxy_set_header Upgrade $http_upgrade;
  proxy_set_header Connection $connection_upgrade;
  proxy_set_header X-Forwarded-For $remote_addr;
  proxy_set_header X-Forwarded-Proto $scheme;
  proxy_set_header Forwarded "";
}
# Beside server, in http:
map $http_upgrade $connection_upgrade { default upgrade; "" close; }`)}
<p>Caddy and Traefik send these headers by themselves, and pass on a <code>Forwarded</code> of their clients, which has to go:</p>
${code(`keys.example {
  reverse_proxy 127.0.0.1:5390 {
    header_up -Forwarded
  }
}`)}
<p>HAProxy sends them with <code>http-request set-header X-Forwarded-Proto https</code>, <code>http-request del-header Forwarded</code> and
<code>option forwardfor</code>. The proxy has to set them itself, and not pass on what its client sent. <code>CHATELAINE_TRUSTED_PROXY</code> takes the same, parted by commas;
for a unix socket the name is <code>unix</code>.</p>
<p>Clients see the certificate of the proxy, and official ones bind their keys to it:</p>
${code(`chatelaine settings set client_certificate --file /etc/nginx/tls/cert.pem`)}
<p>Then let the doctor come in through the proxy, with keys that it makes and removes again. It says what is wrong, and what mends it: a proxy that is not named,
headers that say nothing or two things, or that come from the client, another Host, a WebSocket that is not opened or comes in clear, another certificate, a long query that is cut or refused:</p>
${code(`chatelaine doctor --chatelaine https://keys.example`)}
<h2>Secure, in clear, or not known</h2>
<p>A <strong>secure</strong> connection is one that nobody else can listen to: TLS, a unix socket, this machine itself. One is <strong>in clear</strong> where that is proved:
this server saw another machine come without TLS and without a proxy's header, or a trusted proxy says <code>http</code> or <code>ws</code>. Everything else is
<strong>not known</strong>: a proxy that nobody named, one that says nothing, or one that says two things.</p>
<p>What comes in clear is judged by the settings <code>insecure_transport</code> and <code>insecure_transport_dialect</code>. What is not known is refused, with
<a href="${base}/errors/insecure_transport"><code>insecure_transport</code></a> (403; errno 95 at the JSON-RPC API) and a sentence that names <code>--trusted-proxy</code>, and
<em>nothing is revoked</em>: name the proxy, and the same key is good. Only the value <code>allow</code> lets it pass. SCRAM never sends the key, and passes.</p>
<p>New installations have <code>close</code> for the JSON-RPC API: a WebSocket in clear from another machine is answered 403 with the https address before
a key can be sent, and an alert says which program tried.</p>
<h2>What a program says</h2>
${table(
  ["What you see", "What it is", "What to do"],
  [
    [
      "403 or errno 95, and the sentence names --trusted-proxy",
      "The proxy is not named, or does not say how its client came",
      "Name it with --trusted-proxy, and let it send X-Forwarded-Proto",
    ],
    [
      "403, “This connection is in clear text”, with an https address",
      "The program came by http or ws",
      "Give the program the https address",
    ],
    [
      "“API key has expired”, and the key is revoked",
      "It came in clear, and the setting is revoke",
      "Reset the key; set insecure_transport_dialect to close",
    ],
    [
      "“Pages of this origin may not connect”, or sign-in fails in the browser alone",
      "The proxy passes another host on",
      "Let it pass Host on, or set public_url",
    ],
    [
      "SCRAM with channel binding fails behind the proxy",
      "Clients see the proxy's certificate",
      "Set client_certificate to it",
    ],
    [
      "/auth answers 403 to good keys",
      "The proxy on another machine does not say how its client came",
      "Let it send X-Forwarded-Proto when it asks",
    ],
  ],
)}
<p>The log has a line for each of them, once a minute. <code>chatelaine why DECISION</code> tells the exact rule for one refusal.</p>
<h2>Programs that end TLS and say nothing</h2>
<p>stunnel, a TCP load balancer with TLS: they send no headers, and pass on what their clients write. Name them so:</p>
${code(`chatelaine serve --trusted-proxy 10.0.0.7=tls`)}
<p>All that comes from there is secure, whatever it says, and is neither near nor let ask <code>/auth</code>, also where the address is loopback:
let your guarding proxies ask by a unix socket then (<code>--check unix:/path</code>).</p>
<h2>Networks that are private by themselves</h2>
<p>In WireGuard, or the network of one pod, plain http cannot be listened to. <code>--secure-from</code> (<code>CHATELAINE_SECURE_FROM</code>) names such networks:</p>
${code(`chatelaine serve --http 10.8.0.1:5390 --secure-from 10.8.0.0/24`)}
<h2>A proxy that guards a service</h2>
<p><code>chatelaine proxy</code> prints a configuration that asks <code>/auth</code> about each request. While Chatelaine restarts or is away, no request
reaches the service: nginx, HAProxy and Envoy answer 503, Caddy 502, Traefik 500, and never 401, so that no program throws a good key away. A browser without a key is
answered 401 and an empty page, and no box for a password opens, unless <code>--challenge basic</code> asks for it. The check gets no cookies; nginx and Caddy pass it the other headers, which
have to stay below 16 KiB together: a request with more is answered 503 by nginx and 431 by Caddy.</p>
<p>Over a unix socket nobody else on the machine can ask. Its group is the one that the proxy runs as, and its mode 0660 unless <code>--socket-mode</code> says otherwise:</p>
${code(`chatelaine serve --check unix:/run/chatelaine/check.sock --socket-group www-data
chatelaine proxy nginx --for https://app.example --to http://127.0.0.1:3000 --chatelaine unix:/run/chatelaine/check.sock`)}
<p>Traefik asks over TCP alone. <code>--preflight</code> lets CORS preflights (<code>OPTIONS</code> with <code>Origin</code> and <code>Access-Control-Request-Method</code>) reach the service
without a key, and takes cookies and keys from them. A service may have any method, <code>VERSION-CONTROL</code> too: Chatelaine is asked by <code>GET</code>. Envoy asks by the
client's own method, and refuses a client whose method Chatelaine's server does not know, because it gets no answer. <code>--strip-path</code> is for a service that does not know the path it is reached under.</p>
<h2>People by single sign-on, programs by key</h2>
<p>One site can be open to both. nginx and Caddy have a recipe for it, beside Authelia and beside oauth2-proxy:</p>
${code(`chatelaine proxy nginx --for https://app.example --to http://127.0.0.1:3000 --sso authelia --sso-url http://127.0.0.1:9091
chatelaine proxy caddy --for https://app.example --to http://127.0.0.1:3000 --sso oauth2-proxy --sso-url http://127.0.0.1:4180`)}
${table(
  ["A request", "is judged by", "and refused with"],
  [
    [
      "with Authorization or X-API-Key (or the header of --header), from a browser too",
      "Chatelaine alone",
      "401 or 403, never a page to sign in at",
    ],
    [
      "from a program: no Sec-Fetch-Mode, Origin or X-Requested-With, no cookie of the sign-on, no User-Agent that begins with Mozilla/",
      "Chatelaine alone",
      "401, which offers Basic and Bearer",
    ],
    [
      "any other",
      "the sign-on alone",
      "a redirect to it; 401 to what a page calls in the background; 403 where the person may not enter",
    ],
  ],
)}
<p>Neither is asked after the other has refused, and while one of them is away, requests of the other pass. Both arrive as <code>Remote-User</code>, <code>Remote-Name</code>,
<code>Remote-Email</code> and <code>Remote-Groups</code>, and only keys have <code>Remote-Key-Id</code>. These, and <code>X-Auth-Request-*</code> and <code>X-Forwarded-User</code> with their like,
are taken from what clients send. One name has to be one person at both: nobody may choose a name at the sign-on that is somebody else's here.</p>
<p>Authelia needs <code>authelia_url</code> in <code>session.cookies</code>, and <code>server.buffers.read</code> large enough for the cookies of the site. oauth2-proxy is started with
<code>--reverse-proxy --set-xauthrequest</code>; all below <code>/oauth2/</code> is its own. Where its cookie has another name, <code>--sso-cookie</code> says it.
There is no such recipe for HAProxy, Traefik and Envoy: put nginx or Caddy before them.</p>
<h2>Every way to come, at every door</h2>
<p>A good key or password, where both settings are <code>revoke</code>. With <code>refuse</code> and <code>close</code>, what stands here as revoked is refused. “Trusted” is a peer that
<code>--trusted-proxy</code> names, “trusted =tls” one that it names with <code>=tls</code>, “in --secure-from” one in such a network. At <code>/auth</code> the headers tell of the guarding proxy's own client; who is not let ask there gets 403.</p>
${table(["From", "Listener", "Peer", "Headers", "REST", "/auth", "PLAIN", "SCRAM", "Password"], rowsOf(matrix))}`,
);

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
