import { version } from "../../package.json";

/** The one version: of `--version`, `/api/versions` and About. Releases change it in the root package.json alone. */
export const VERSION: string = version;
