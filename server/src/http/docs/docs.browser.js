// The small things of the documentation that need a script. Every page can be read without it.

const versions = document.querySelector("#version");
versions?.addEventListener("change", () => {
  const parts = location.pathname.split("/");
  parts[3] = versions.value;
  location.assign(parts.join("/") + location.search);
});

for (const block of document.querySelectorAll("pre.copyable")) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "copy";
  button.textContent = "Copy";
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(block.textContent);
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(block);
      button.textContent = "Selected: copy it by hand";
    }
    setTimeout(() => {
      button.textContent = "Copy";
    }, 2000);
  });
  block.parentElement.append(button);
}

const mine = document.querySelector("#my-key");
if (mine) {
  mine.addEventListener("submit", async (event) => {
    event.preventDefault();
    await showMine(new FormData(mine).get("text").trim());
    document.querySelector("#my-key-answer").focus();
  });
  showMine("", true);
}

/** Of a visitor nothing is said before they ask. */
async function showMine(key, isUnasked = false) {
  const headers = key === "" ? {} : { Authorization: `Bearer ${key}` };
  const response = await fetch("/api/v1/session", { headers, cache: "no-store" });
  const answer = await response.json();
  const isSomebody = response.ok && answer.user !== null;
  if (isUnasked && !isSomebody) return;
  const lists = document.querySelector("#my-key-lists");
  lists.hidden = !isSomebody;
  if (isSomebody) showAllowed(lists, answer);
  document
    .querySelector("#my-key-answer")
    .replaceChildren(...(response.ok ? whoIs(answer) : refusal(answer)));
}

function showAllowed(lists, { may, roles }) {
  for (const row of lists.querySelectorAll("tr[data-operation]"))
    row.hidden = !may.includes(row.dataset.operation);
  for (const row of lists.querySelectorAll("tr[data-roles]")) {
    const needed = row.dataset.roles.split(" ");
    row.hidden = !needed.some((role) => role === "anon" || role === "any" || roles.includes(role));
  }
}

function whoIs(answer) {
  if (answer.user === null) return [element("p", "That is nobody: give a key, or sign in.")];
  const who = answer.key
    ? `The key "${answer.key.name}" of ${answer.user.username}`
    : `${answer.user.username}, signed in in this browser`;
  const roles = answer.roles.length > 0 ? answer.roles.join(", ") : "none: it is for services only";
  const scopes = answer.scopes.length > 0 ? answer.scopes.join(", ") : "none";
  return [element("p", `${who}.`), element("p", `Roles: ${roles}.`), element("p", `Scopes: ${scopes}.`)];
}

function refusal(answer) {
  const link = element("a", `${answer.title}: ${answer.detail}`);
  link.href = new URL(answer.type, location.href).pathname;
  const line = element("p");
  line.append(link);
  return [line];
}

function element(name, text = "") {
  const made = document.createElement(name);
  made.textContent = text;
  return made;
}

const tool = document.querySelector("#console");
if (tool) openConsole(tool);

function openConsole(form) {
  const frames = document.querySelector("#frames");
  let socket;
  let number = 0;
  const show = (direction, text) => {
    const line = element("li");
    const shown = text.replace(/("(?:api_key|password|token|key|client_key)":\s*)"[^"]*"/g, '$1"********"');
    line.append(element("b", direction), element("code", shown));
    frames.append(line);
    line.scrollIntoView({ block: "nearest" });
  };
  const send = (method, params) => {
    const frame = JSON.stringify({ jsonrpc: "2.0", id: ++number, method, params });
    show("sent", frame);
    socket.send(frame);
  };
  const connect = () =>
    new Promise((resolve, reject) => {
      const version = location.pathname.split("/")[3];
      const scheme = location.protocol === "https:" ? "wss:" : "ws:";
      socket = new WebSocket(`${scheme}//${location.host}/api/${version}`);
      socket.addEventListener("open", () => resolve());
      socket.addEventListener("error", () => reject(new Error("The connection failed")));
      socket.addEventListener("message", ({ data }) => show("received", data));
      socket.addEventListener("close", ({ code, reason }) => show("closed", `${code} ${reason}`));
    });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const values = new FormData(form);
    const params = parsed(values.get("params"));
    if (!Array.isArray(params)) return show("not sent", "The parameters must be a JSON list, such as []");
    try {
      if (!socket || socket.readyState !== WebSocket.OPEN) await connect();
    } catch (error) {
      return show("failed", error.message);
    }
    if (event.submitter?.value === "sign-in") {
      const login = {
        mechanism: "API_KEY_PLAIN",
        username: values.get("username"),
        api_key: values.get("text").trim(),
      };
      return send("auth.login_ex", [login]);
    }
    return send(values.get("method"), params);
  });
}

function parsed(text) {
  try {
    return JSON.parse(text.trim() === "" ? "[]" : text);
  } catch {
    return undefined;
  }
}
