// Shows the OpenAPI document. Whatever would ask another host, or keep a key, is off.
const dark = matchMedia("(prefers-color-scheme: dark)");

Scalar.createApiReference("#reference", {
  url: "/api/openapi.json",
  theme: "none",
  layout: "modern",
  darkMode: dark.matches,
  hideDarkModeToggle: false,
  withDefaultFonts: false,
  telemetry: false,
  persistAuth: false,
  hideClientButton: true,
  showDeveloperTools: "never",
  documentDownloadType: "json",
  agent: { disabled: true, hideAddApi: true },
  mcp: { disabled: true },
  defaultHttpClient: { targetKey: "shell", clientKey: "curl" },
  baseServerURL: location.origin,
  authentication: { preferredSecurityScheme: "bearer" },
});

// Buttons that show a picture alone tell screen readers what they copy.
new MutationObserver(() => {
  for (const button of document.querySelectorAll('button[class*="copy-button"]:not([aria-label])')) {
    button.setAttribute("aria-label", button.textContent.trim() || "Copy");
  }
}).observe(document.querySelector("#reference"), { childList: true, subtree: true });
