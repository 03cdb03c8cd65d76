/**
 * A key that is held down presses once. What follows from the first press may bring something else under it: the next would copy a
 * key that nobody has looked at yet, leave without it, or close what is below. Held by `web/test/accidents.test.ts`.
 */
window.addEventListener(
  "keydown",
  (event) => {
    const { key, repeat, target } = event;
    const isLine = key === "Enter" && target instanceof HTMLTextAreaElement && !target.readOnly;
    if (!repeat || isLine || !(key === "Enter" || key === "Escape")) return;
    event.preventDefault();
    event.stopImmediatePropagation();
  },
  true,
);
