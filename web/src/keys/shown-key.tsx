import { Button, Group, Modal, Tabs, Textarea } from "@mantine/core";
import { IconCheck, IconCopy, IconDownload } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { useMe } from "../api/session.ts";
import { copyText } from "../form/copy.ts";
import { CopyButton } from "../form/copy-button.tsx";
import { useFocusBack } from "../form/use-focus-back.ts";
import { Note } from "../frame/note.tsx";
import type { MadeKey } from "./key.ts";
import { snippetsFor } from "./snippets.ts";

interface ShownKeyProps {
  readonly made: MadeKey;
  readonly onClose: () => void;
}

/** The one place where a key is ever seen. Nothing outside this component holds it. */
export function ShownKey({ made, onClose }: ShownKeyProps) {
  useFocusBack();
  const [isTaken, setTaken] = useState(false);
  const [isAsked, setAsked] = useState(false);
  const [copied, setCopied] = useState<"yes" | "no">();
  const box = useRef<HTMLTextAreaElement>(null);
  const copy = async (): Promise<void> => {
    const isCopied = await copyText(made.key);
    setCopied(isCopied ? "yes" : "no");
    if (isCopied) return setTaken(true);
    box.current?.focus();
    box.current?.select();
  };
  const close = (): void => {
    if (isTaken || isAsked) onClose();
    else setAsked(true);
  };
  return (
    <Modal
      opened
      onClose={close}
      title="API Key"
      size={620}
      withCloseButton={false}
      closeOnClickOutside={false}
    >
      <div className="shown-key">
        <p>
          The key <strong className="break">{made.name}</strong> of <strong>{made.username}</strong>:
        </p>
        <Textarea
          ref={box}
          aria-label="Key"
          readOnly
          autosize
          value={made.key}
          classNames={{ input: "key-box" }}
          onFocus={(event) => event.currentTarget.select()}
          onCopy={() => setTaken(true)}
          onSelect={(event) => {
            const { selectionStart, selectionEnd } = event.currentTarget;
            if (selectionEnd > selectionStart && copied !== "no") setTaken(true);
          }}
        />
        <Group gap="sm">
          <Button
            leftSection={
              copied === "yes" ? <IconCheck size={18} aria-hidden /> : <IconCopy size={18} aria-hidden />
            }
            onClick={copy}
            data-autofocus
          >
            Copy to Clipboard
          </Button>
          <Button
            variant="default"
            leftSection={<IconDownload size={18} aria-hidden />}
            onClick={() => {
              downloadKeyFile(made);
              setTaken(true);
            }}
          >
            Download Key File
          </Button>
          <span role="status" className="copied">
            {copied === "yes" && "Copied."}
          </span>
        </Group>
        {copied === "no" && (
          <Note tone="bad" title="The browser refused to copy" isAlert>
            The key is selected: press Ctrl+C, or ⌘C on a Mac.
          </Note>
        )}
        <Note tone="soon" title="Keep this key safe, and back it up">
          It is shown this once and stored nowhere. Whoever has it acts as {made.username}; if it is lost,
          reset it.
        </Note>
        <Snippets made={made} onTaken={() => setTaken(true)} />
        {isAsked && !isTaken && (
          <Note tone="bad" title="You have not copied the key yet" isAlert>
            After closing nobody can show it again. Close again if you have it all the same.
          </Note>
        )}
        <Group justify="flex-end">
          <Button variant="default" onClick={close}>
            Close
          </Button>
        </Group>
      </div>
    </Modal>
  );
}

/** The server as its clients see it. */
function addressOf(publicUrl: string | null): Pick<Location, "origin" | "host" | "protocol"> {
  return publicUrl === null ? location : new URL(publicUrl);
}

/** What scrolls must be reachable by keyboard. */
const SCROLLED = { tabIndex: 0 } as const;

function Snippets({ made, onTaken }: { readonly made: MadeKey; readonly onTaken: () => void }) {
  const { public_url: publicUrl } = useMe();
  const address = addressOf(publicUrl);
  const { data: hasCa = false } = useQuery({
    queryKey: ["ca"],
    queryFn: async () => (await fetch("/ca.pem", { method: "HEAD" })).ok,
    staleTime: Number.POSITIVE_INFINITY,
    enabled: address.protocol === "https:",
  });
  const snippets = snippetsFor(made, address, hasCa);
  return (
    <div>
      <h3>Use it</h3>
      <Tabs defaultValue={snippets[0]?.id} className="snippets" keepMounted={false}>
        <Tabs.List>
          {snippets.map(({ id, title }) => (
            <Tabs.Tab key={id} value={id}>
              {title}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        {snippets.map(({ id, title, text, words, trial }) => (
          <Tabs.Panel key={id} value={id}>
            {words && <p className="small snippet-words">{words}</p>}
            <Pasted title={title} text={text} onTaken={trial === undefined ? onTaken : undefined} />
            {trial && (
              <>
                <p className="small snippet-words">Then this key opens it:</p>
                <Pasted title={`${title}, a request`} text={trial} onTaken={onTaken} />
              </>
            )}
          </Tabs.Panel>
        ))}
      </Tabs>
      {location.protocol === "http:" && publicUrl === null ? (
        <p className="small muted">
          This address works on the server's own machine. From elsewhere use its https address; over plain
          http a key is refused.
        </p>
      ) : (
        hasCa && (
          <p className="small muted">
            Other machines do not know this server's certificate authority yet:{" "}
            <a href="/certificate" target="_blank" rel="noreferrer">
              how to trust it
            </a>
            .
          </p>
        )
      )}
    </div>
  );
}

interface PastedProps {
  readonly title: string;
  readonly text: string;
  /** Where the key is in it. */
  readonly onTaken: (() => void) | undefined;
}

function Pasted({ title, text, onTaken }: PastedProps) {
  return (
    <>
      <section className="code-block" {...SCROLLED} aria-label={title} onCopy={onTaken}>
        <code>{text}</code>
      </section>
      <CopyButton text={text} label="Copy snippet" onCopied={onTaken} />
    </>
  );
}

/** What clients with SCRAM read: the key's proof instead of the key. */
function downloadKeyFile(made: MadeKey): void {
  const { scram } = made;
  const content = {
    username: made.username,
    api_key_id: made.id,
    ...(scram ?? { raw_key: made.key }),
  };
  const address = URL.createObjectURL(
    new Blob([`${JSON.stringify(content, null, 2)}\n`], { type: "application/json" }),
  );
  const link = document.createElement("a");
  link.href = address;
  link.download = `${made.name.replace(/[^A-Za-z0-9._-]+/g, "-").slice(0, 60) || "key"}.json`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address));
}
