/**
 * Pages for people with a task, from the Markdown files of `guides/`. Their commands carry this server's own address and are
 * run by `docs-truth.test.ts` and `docs-backup.test.ts`.
 */
import { ERROR_DOCS } from "@chatelaine/contract/error-docs";
import { ERROR_CODES } from "@chatelaine/contract/errors";
import { ROLE_INCLUDES, ROLE_LABELS, ROLES } from "@chatelaine/contract/roles";
import { html } from "hono/html";
import { errorRow } from "../errors.ts";
import { exampleProblem as problemOf } from "../rest/problem.ts";
import { guide, markdown } from "./guide.ts";
import backup from "./guides/backup-and-restore.md" with { type: "text" };
import behindProxy from "./guides/behind-a-reverse-proxy.md" with { type: "text" };
import errors from "./guides/errors.md" with { type: "text" };
import expiring from "./guides/expiring-keys.md" with { type: "text" };
import guardService from "./guides/guard-a-service.md" with { type: "text" };
import make from "./guides/make-a-key.md" with { type: "text" };
import ownCertificate from "./guides/own-certificate.md" with { type: "text" };
import roles from "./guides/roles.md" with { type: "text" };
import rotate from "./guides/rotate-a-key.md" with { type: "text" };
import send from "./guides/send-a-key.md" with { type: "text" };
import start from "./guides/start.md" with { type: "text" };
import refused from "./guides/why-refused.md" with { type: "text" };
import { code, type DocsPage, type Markup, table } from "./layout.ts";
import { myKeyPage } from "./my-key.ts";
import type { MethodDoc } from "./rpc.ts";
import { SCRAM } from "./scram-guide.ts";
import { transportMatrix } from "./transport-matrix.ts";

const certificate = markdown(ownCertificate);

const TASKS: readonly DocsPage[] = [
  guide("", start),
  // A server without a certificate of the operator's has one that no client knows.
  guide("send-a-key", send, (origin, base) => ({
    certificate: origin.startsWith("https:") ? certificate(origin, base) : "",
  })),
  guide("make-a-key", make),
  guide("rotate-a-key", rotate),
  guide("why-refused", refused),
  guide("expiring-keys", expiring),
  guide("guard-a-service", guardService),
  guide("behind-a-reverse-proxy", behindProxy, () => ({ matrix: transportMatrix() })),
  guide("backup-and-restore", backup),
  SCRAM,
];

const LISTS: readonly DocsPage[] = [
  guide("roles", roles, () => ({ roles: roleTable() })),
  guide("errors", errors, (_, base) => ({ errors: errorTable(base) })),
];

/** @param methods of the version that is read about */
export function guidePages(methods: readonly MethodDoc[]): DocsPage[] {
  return [...TASKS, myKeyPage(methods), ...LISTS, ...errorPages()];
}

function roleTable(): Markup {
  return table(
    ["Role", "What it lets do", "Includes"],
    ROLES.map((role) => [
      html`<code>${role}</code>`,
      ROLE_LABELS[role].words,
      role === "FULL_ADMIN" ? "every role" : ROLE_INCLUDES[role].join(", ") || "–",
    ]),
  );
}

function errorTable(base: string): Markup {
  return table(
    ["Code", "Status", "Meaning"],
    ERROR_CODES.map((one) => [
      html`<a href="${base}/errors/${one}"><code>${one}</code></a>`,
      String(errorRow(one).status),
      ERROR_DOCS[one].title,
    ]),
  );
}

/** Not in the list of pages at the side: the list of errors leads to them. */
function errorPages(): DocsPage[] {
  return ERROR_CODES.map((one) => {
    const { title, words, remedy } = ERROR_DOCS[one];
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

/** Words between backticks as code. */
function inline(words: string): (string | Markup)[] {
  return words.split("`").map((part, place) => (place % 2 === 1 ? html`<code>${part}</code>` : part));
}
