import { localStorageColorSchemeManager, MantineProvider } from "@mantine/core";
import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { createRoot } from "react-dom/client";
import { queries } from "./api/queries.ts";
import "./form/held-key.ts";
import { router } from "./router.tsx";
import { cssVariables, theme } from "./theme.ts";

const schemes = localStorageColorSchemeManager({ key: "chatelaine-scheme" });

const root = document.getElementById("root");
if (root === null) throw new Error("The page has no root");

createRoot(root).render(
  <MantineProvider
    theme={theme}
    defaultColorScheme="auto"
    colorSchemeManager={schemes}
    cssVariablesResolver={cssVariables}
  >
    <QueryClientProvider client={queries}>
      <RouterProvider router={router} />
    </QueryClientProvider>
  </MantineProvider>,
);
