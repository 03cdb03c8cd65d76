/** Puts text on the clipboard, with or without the clipboard API. @returns whether it is there now */
export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelection(text);
  }
}

/** Pages without https have no clipboard API; browsers may refuse it to others. */
function copyBySelection(text: string): boolean {
  const before = document.activeElement as HTMLElement | null;
  const scope = before?.closest("[role=dialog]") ?? document.body;
  const area = document.createElement("textarea");
  area.value = text;
  area.setAttribute("aria-hidden", "true");
  area.style.cssText = "position:fixed;opacity:0;pointer-events:none";
  scope.append(area);
  area.select();
  let isCopied = false;
  try {
    isCopied = document.execCommand("copy");
  } catch {
    isCopied = false;
  }
  area.value = "";
  area.remove();
  before?.focus();
  return isCopied;
}
