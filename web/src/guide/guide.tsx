import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { useMay } from "../api/session.ts";
import { useTitle } from "../frame/title.ts";

/** The page Managing API Keys, with pictures of this very version. */
export function Guide() {
  useTitle("Managing API Keys");
  const may = useMay();
  return (
    <article className="article guide">
      <h1>Managing API Keys</h1>
      <p className="lead">
        An API key lets a script, a service or a person act as a user without a password. This page shows how
        to add, edit and delete one.
      </p>
      <p>
        <strong>My API Keys</strong> in the <strong>Settings</strong> menu, behind the user icon at the top
        right, opens the{" "}
        {may("keys.list") ? (
          <Link to="/keys" search={{}}>
            User API Keys
          </Link>
        ) : (
          <strong>User API Keys</strong>
        )}{" "}
        screen. It lists the keys of the system, and lets you add, edit and delete them.
      </p>
      <Picture name="list" alt="The screen User API Keys with its table of keys" />
      <p>
        Click a column title to order by it, and again to turn the order around. <strong>Columns</strong>{" "}
        chooses what is shown; the choice stays with you. Search, filters and order are in the address: a view
        can be bookmarked and sent to others.
      </p>

      <h2>Adding an API key</h2>
      <p>
        Click <strong>Add</strong> to open the <strong>Add API Key</strong> panel.
      </p>
      <Picture name="add" alt="The panel Add API Key" />
      <ol>
        <li>Type a descriptive name for the key.</li>
        <li>
          Use the <strong>Username</strong> drop-down to select the user that the key acts as. It offers
          everybody who holds a role.
        </li>
        <li>
          Leave <strong>Non-expiring</strong> ticked for a key without an end: it works until somebody revokes
          or changes it.
        </li>
      </ol>
      <p>
        For a key with an end, take the tick away, click the <strong>Expires at</strong> field and pick a day
        in the calendar. A day means until 23:59 of it, in your time zone, unless you set another time.
      </p>
      <Picture name="expires" alt="The calendar under Expires at" />
      <p>
        Click <strong>Save</strong>. The <strong>API Key</strong> dialog shows the key.
      </p>
      <Picture name="key" alt="The dialog API Key with the new key" />
      <p>
        Click <strong>Copy to Clipboard</strong> and keep the key in a safe place, with a backup. It is shown
        this once: nobody can read it again, here or anywhere else. <strong>Download</strong> saves the key as
        text or as an <code>.env</code> file; its SCRAM file is for SCRAM clients only, and the key is not in
        it. <strong>Close</strong> leads back to the list.
      </p>

      <h2>Editing or deleting an API key</h2>
      <p>
        The three dots at the end of a row open its menu: <strong>Details</strong>, <strong>Edit</strong>,{" "}
        <strong>Reset</strong>, <strong>Pause</strong>, <strong>Revoke</strong> and <strong>Delete</strong>.
      </p>
      <Picture name="actions" alt="The menu of a row" />
      <p>
        In <strong>Edit</strong>, tick <strong>Reset</strong> to put a new random key in the place of the old
        one, which stops working immediately. The panel says before who used it last, and who in the last
        hour. Name, user and limits stay.
      </p>
      <Picture name="edit" alt="The panel Edit API Key with Reset ticked" />
      <p>
        To delete a key, tick <strong>Confirm</strong> in the dialog; that makes its <strong>Delete</strong>{" "}
        button work.
      </p>
      <Picture name="delete" alt="The dialog Delete API Key" />

      <h2>When a key stopped working</h2>
      <p>
        Click its row. The details say whether it expired, is paused or was revoked, when, by whom and why, or
        whether its owner is locked, has no role or holds it to a shorter life; the history below tells every
        change. <strong>Reset</strong> brings a revoked key back as a new one; a later expiry brings an
        expired one back.
      </p>
      <Picture name="use" alt="The details of a key with its use as a graph" />
      <p>
        <strong>Use</strong> shows how many requests were allowed and refused, and{" "}
        <strong>Last refusals</strong> the exact rule of each. Whoever was refused learns only a number; typed
        into the search of the list, it leads to the rule.
      </p>
      <p>
        A key that comes over plain http from another machine is refused: anybody on the way could have read
        it. Use the https or wss address. <a href="/certificate">What to do about certificates</a>
      </p>

      <h2>API key documentation</h2>
      <p>
        <strong>API Docs</strong> opens the{" "}
        <a href="/api/docs" target="_blank" rel="noreferrer">
          API documentation
        </a>{" "}
        that is built in. It is always that of the version you run.
      </p>
    </article>
  );
}

function Picture({ name, alt }: { readonly name: string; readonly alt: string }): ReactNode {
  return (
    <picture>
      <img src={`/pictures/${name}.png`} alt={alt} loading="lazy" width={1120} height={700} />
    </picture>
  );
}
