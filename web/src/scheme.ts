/** Runs before anything is painted: takes the colour scheme that was chosen here, so that no page flashes. */
const chosen = localStorage.getItem("chatelaine-scheme");
const isDark =
  chosen === "dark" || (chosen !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
document.documentElement.setAttribute("data-mantine-color-scheme", isDark ? "dark" : "light");
