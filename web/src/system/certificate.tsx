import { Tabs } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { CopyButton } from "../form/copy-button.tsx";
import { Mark } from "../frame/mark.tsx";
import { Note } from "../frame/note.tsx";
import { useTitle } from "../frame/title.ts";

/** Where a server of this kind usually listens for https. */
const HTTPS_PORT = 5397;

/** How other machines come to trust this server's https, open to everybody who can reach it. */
export function Certificate() {
  useTitle("Certificate");
  const { data: hasCa } = useQuery({
    queryKey: ["ca"],
    queryFn: async () => (await fetch("/ca.pem", { method: "HEAD" })).ok,
    staleTime: Number.POSITIVE_INFINITY,
  });
  return (
    <main className="article">
      <Link to="/" className="brand">
        <Mark />
        Chatelaine
      </Link>
      <h1>The server's certificate</h1>
      <HowItIsNow />
      {hasCa === false ? (
        <p>
          This server has a certificate that was brought to it, or no https at all. There is no local
          authority to trust.
        </p>
      ) : (
        <>
          <h2>Trust the local authority</h2>
          <p>
            At its first start the server made a certificate authority of its own, which can vouch for this
            server's names and addresses and for nothing else. Machines that know it trust this server.
          </p>
          <p>
            <a href="/ca.pem" download="chatelaine-ca.pem">
              Download chatelaine-ca.pem
            </a>
            , then:
          </p>
          <Ways />
        </>
      )}
      <h2>{hasCa === false ? "Bring" : "Or bring"} your own certificate</h2>
      <p>
        From a public authority or your company's. Start the server with it; after a renewal{" "}
        <code>SIGHUP</code> makes it take the new one without dropping anybody.
      </p>
      <Command
        text={`chatelaine serve --https 0.0.0.0:${HTTPS_PORT} --cert fullchain.pem --key privkey.pem`}
      />
      <h2>Check that it worked</h2>
      <p>
        On a machine that shall use keys: the answer is <code>ok</code>, without a word about certificates.
      </p>
      <Command text={`curl https://${location.hostname}:${securePort()}/healthz`} />
      <p>In a browser: open this page by https. It must load without a warning.</p>
      <p>
        <a href={`https://${location.hostname}:${securePort()}/certificate`}>
          https://{location.hostname}:{securePort()}/certificate
        </a>
      </p>
    </main>
  );
}

function securePort(): string {
  return location.protocol === "https:" ? location.port || "443" : String(HTTPS_PORT);
}

function HowItIsNow() {
  if (location.protocol === "https:")
    return (
      <Note tone="good" title="You are here by https">
        If your browser showed no warning on the way, this machine trusts the server.
      </Note>
    );
  return (
    <Note tone="info" title="You are here by plain http">
      That is fine on the machine itself. Everybody else uses https, and their machines must trust this
      server's certificate.
    </Note>
  );
}

const WAYS = [
  {
    id: "debian",
    title: "Debian, Ubuntu",
    text: "sudo cp chatelaine-ca.pem /usr/local/share/ca-certificates/chatelaine.crt\nsudo update-ca-certificates",
  },
  {
    id: "fedora",
    title: "Fedora, RHEL",
    text: "sudo cp chatelaine-ca.pem /etc/pki/ca-trust/source/anchors/\nsudo update-ca-trust",
  },
  {
    id: "macos",
    title: "macOS",
    text: "sudo security add-trusted-cert -d -r trustRoot \\\n  -k /Library/Keychains/System.keychain chatelaine-ca.pem",
  },
  { id: "windows", title: "Windows", text: "certutil -addstore -f Root chatelaine-ca.pem" },
  { id: "curl", title: "curl", text: "curl --cacert chatelaine-ca.pem https://…" },
  { id: "node", title: "Node, Bun", text: "export NODE_EXTRA_CA_CERTS=$PWD/chatelaine-ca.pem" },
  { id: "python", title: "Python", text: "export SSL_CERT_FILE=$PWD/chatelaine-ca.pem" },
  {
    id: "firefox",
    title: "Firefox",
    text: "Settings → Privacy & Security → Certificates → View Certificates\n→ Authorities → Import → chatelaine-ca.pem",
  },
] as const;

function Ways() {
  return (
    <Tabs defaultValue={WAYS[0].id} keepMounted={false}>
      <Tabs.List>
        {WAYS.map(({ id, title }) => (
          <Tabs.Tab key={id} value={id}>
            {title}
          </Tabs.Tab>
        ))}
      </Tabs.List>
      {WAYS.map(({ id, text }) => (
        <Tabs.Panel key={id} value={id}>
          <Command text={text} />
        </Tabs.Panel>
      ))}
    </Tabs>
  );
}

/** What scrolls must be reachable by keyboard. */
const SCROLLED = { tabIndex: 0 } as const;

export function Command({ text }: { readonly text: string }) {
  return (
    <div className="command">
      <section className="code-block" aria-label={`Command: ${text}`} {...SCROLLED}>
        <code>{text}</code>
      </section>
      <CopyButton text={text} label="Copy" />
    </div>
  );
}
