import { Button, Group, Menu, Tabs, Textarea } from "@mantine/core";
import { IconCheck, IconCopy, IconDownload } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import {
  type ClipboardEvent,
  type MouseEvent,
  type SyntheticEvent,
  useEffect,
  useRef,
  useState,
} from "react";
import { useMe } from "../api/session.ts";
import { copyText } from "../form/copy.ts";
import { CopyButton } from "../form/copy-button.tsx";
import { Dialog } from "../form/dialog.tsx";
import { watchFoot } from "../form/foot.ts";
import { useUnsaved } from "../form/held.ts";
import { Note } from "../frame/note.tsx";
import type { MadeKey } from "./key.ts";
import { downloadEnv, downloadScram, downloadText } from "./key-files.ts";
import { forgetKey } from "./save-key.ts";
import { snippetsFor } from "./snippets.ts";

interface ShownKeyProps {
  readonly made: MadeKey;
  readonly onClose: () => void;
}

/** Two presses of a key within it are one that was made twice, as two clicks of a double click are. */
const TWICE_MS = 700;

/**
 * The one place where a key is ever seen. Nothing outside this component holds it. It counts as taken once somebody has
 * copied it, downloaded it or selected all of it themself; until then neither Esc nor another address takes it away
 * (held by `web/test/accidents.test.ts`). What is selected for them, where the browser refuses to copy, stays nobody's
 * until they select something else or press for all of it.
 */
export function ShownKey({ made, onClose }: ShownKeyProps) {
  const [isTaken, setTaken] = useState(false);
  const [askedAt, setAskedAt] = useState<number>();
  const [copied, setCopied] = useState<"yes" | "no">();
  const box = useRef<HTMLTextAreaElement>(null);
  const isOurSelection = useRef(false);
  useUnsaved(!isTaken, { loss: "key", onLeave: onClose });
  useEffect(() => () => forgetKey(made), [made]);
  const take = (): void => setTaken(true);
  const copy = async (): Promise<void> => {
    const isCopied = await copyText(made.key);
    setCopied(isCopied ? "yes" : "no");
    if (isCopied) return take();
    isOurSelection.current = true;
    box.current?.focus();
    box.current?.select();
  };
  const ask = (): void => setAskedAt((was) => was ?? Date.now());
  const close = ({ detail: clicks }: MouseEvent): void => {
    const isTwice = clicks === 0 ? Date.now() - (askedAt ?? 0) < TWICE_MS : clicks > 1;
    if (isTaken || (askedAt !== undefined && !isTwice)) onClose();
    else ask();
  };
  const noteSelection = ({ currentTarget }: SyntheticEvent<HTMLTextAreaElement>): void => {
    if (!isWhole(currentTarget)) isOurSelection.current = false;
    else if (!isOurSelection.current) take();
  };
  return (
    <Dialog title="API Key" size={620} closesOutside={false} onClose={isTaken ? onClose : ask}>
      <div className="shown-key">
        <p>
          API key <strong className="break">{made.name}</strong> for <strong>{made.username}</strong>:
        </p>
        <Textarea
          ref={box}
          aria-label="Key"
          readOnly
          autosize
          value={made.key}
          classNames={{ input: "key-box" }}
          onKeyDown={({ key, ctrlKey, metaKey }) => {
            if ((ctrlKey || metaKey) && key.toLowerCase() === "a") take();
          }}
          onCopy={({ currentTarget }) => isWhole(currentTarget as HTMLTextAreaElement) && take()}
          onSelect={noteSelection}
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
          <Download made={made} onTaken={take} />
          <span role="status" className="copied">
            {copied === "yes" && "Copied."}
          </span>
        </Group>
        {copied === "no" && (
          <Note tone="bad" title="The browser refused to copy" isAlert>
            The key is selected: press Ctrl+C, or ⌘C on a Mac.
          </Note>
        )}
        {askedAt !== undefined && !isTaken ? (
          // In view, wherever the dialog was scrolled to when somebody wanted to close it.
          <div ref={(note) => note?.scrollIntoView({ block: "nearest" })}>
            <Note tone="bad" title="You have not copied the key yet" isAlert>
              You won't be able to see it again. Close again to leave without it.
            </Note>
          </div>
        ) : (
          <Note tone="soon" title="Keep this key safe, and back it up">
            It is shown this once and stored nowhere. Anyone with it can act as {made.username}. If you lose
            it, reset it.
          </Note>
        )}
        <Snippets made={made} onTaken={take} />
        <Group justify="flex-end" className="dialog-foot" ref={watchFoot}>
          <Button variant="default" onClick={close}>
            Close
          </Button>
        </Group>
      </div>
    </Dialog>
  );
}

function isWhole({ selectionStart, selectionEnd, value }: HTMLTextAreaElement): boolean {
  return selectionStart === 0 && selectionEnd === value.length;
}

/** As a file: the key itself, or what SCRAM clients read in its place. */
function Download({ made, onTaken }: { readonly made: MadeKey; readonly onTaken: () => void }) {
  const { public_url: publicUrl } = useMe();
  return (
    <Menu width={300} position="bottom-start">
      <Menu.Target>
        <Button variant="default" leftSection={<IconDownload size={18} aria-hidden />}>
          Download
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item
          onClick={() => {
            downloadText(made);
            onTaken();
          }}
        >
          Key as text
        </Menu.Item>
        <Menu.Item
          onClick={() => {
            downloadEnv(made, addressOf(publicUrl).origin);
            onTaken();
          }}
        >
          Key as .env file
        </Menu.Item>
        {made.scram && (
          <>
            <Menu.Divider />
            <Menu.Item onClick={() => downloadScram(made)}>
              SCRAM file
              <span className="muted small menu-words">
                For SCRAM clients only. The key itself is not in it.
              </span>
            </Menu.Item>
          </>
        )}
      </Menu.Dropdown>
    </Menu>
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
  const note = ({ currentTarget }: ClipboardEvent): void => {
    // What was copied of it may be a part without the key.
    const part = getSelection()?.toString() ?? "";
    if (part.trim() === currentTarget.textContent?.trim()) onTaken?.();
  };
  return (
    <>
      <section className="code-block" {...SCROLLED} aria-label={title} onCopy={note}>
        <code>{text}</code>
      </section>
      <CopyButton text={text} label="Copy snippet" onCopied={onTaken} />
    </>
  );
}
