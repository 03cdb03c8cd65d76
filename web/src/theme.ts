import {
  ActionIcon,
  Button,
  type CSSVariablesResolver,
  createTheme,
  Drawer,
  defaultVariantColorsResolver,
  type MantineColorsTuple,
  Menu,
  Modal,
  Popover,
} from "@mantine/core";

const brass: MantineColorsTuple = [
  "#fbf6ea",
  "#f5ecd6",
  "#ead6a8",
  "#e3c57d",
  "#ddb65c",
  "#c0943a",
  "#a87d22",
  "#936c14",
  "#7a5808",
  "#5f4405",
];

/** Inside the main landmark, so that what floats belongs to the screen. */
const FLOATS = { target: "#floats" };
/** The header of a dialog is no banner of the page. */
const PLAIN_HEADER = { header: { role: "presentation" } };
const OVERLAY = { color: "#161512", backgroundOpacity: 0.38 } as const;
const TRANSITION = { duration: 120, transition: "fade" } as const;

export const theme = createTheme({
  primaryColor: "brass",
  primaryShade: { light: 8, dark: 4 },
  colors: { brass },
  autoContrast: true,
  fontFamily: "var(--sans)",
  fontFamilyMonospace: "var(--mono)",
  defaultRadius: 6,
  cursorType: "pointer",
  respectReducedMotion: true,
  fontSizes: { xs: "12.5px", sm: "14px", md: "14px", lg: "16px", xl: "22px" },
  lineHeights: { xs: "1.44", sm: "1.43", md: "1.43", lg: "1.5", xl: "1.27" },
  headings: { fontWeight: "600" },
  variantColorResolver: (input) => {
    const colors = defaultVariantColorsResolver(input);
    if (input.variant !== "filled") return colors;
    if (input.color === "bad")
      return { background: "var(--bad)", hover: "var(--bad-hover)", color: "var(--on-bad)", border: "none" };
    if (input.color === undefined || input.color === "brass")
      return { background: "var(--ink)", hover: "var(--ink-hover)", color: "var(--on-ink)", border: "none" };
    return colors;
  },
  components: {
    Button: Button.extend({ defaultProps: { size: "sm", variant: "filled" } }),
    ActionIcon: ActionIcon.extend({ defaultProps: { variant: "subtle", size: 32 } }),
    Menu: Menu.extend({
      defaultProps: {
        transitionProps: TRANSITION,
        position: "bottom-end",
        withInitialFocusPlaceholder: false,
        portalProps: FLOATS,
      },
    }),
    Popover: Popover.extend({ defaultProps: { portalProps: FLOATS } }),
    Modal: Modal.extend({
      defaultProps: {
        transitionProps: TRANSITION,
        centered: true,
        overlayProps: OVERLAY,
        attributes: PLAIN_HEADER,
      },
    }),
    Drawer: Drawer.extend({
      defaultProps: {
        position: "right",
        transitionProps: { duration: 120, transition: "slide-left" },
        overlayProps: OVERLAY,
        attributes: PLAIN_HEADER,
      },
    }),
  },
});

const shared = {
  "--mantine-color-body": "var(--surface)",
  "--mantine-color-text": "var(--text)",
  "--mantine-color-dimmed": "var(--muted)",
  "--mantine-color-default": "var(--surface)",
  "--mantine-color-default-color": "var(--text)",
  "--mantine-color-default-hover": "var(--sunken)",
  "--mantine-color-default-border": "var(--line-mid)",
  "--mantine-color-placeholder": "var(--muted)",
  "--mantine-color-anchor": "var(--accent)",
  "--mantine-color-error": "var(--bad)",
  "--mantine-color-disabled": "var(--sunken)",
  "--mantine-color-disabled-color": "var(--muted)",
  "--mantine-color-disabled-border": "var(--line)",
};

export const cssVariables: CSSVariablesResolver = () => ({ variables: {}, light: shared, dark: shared });
