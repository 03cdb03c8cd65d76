/** Alone because the command line and every part of the server state the version, and it imports nothing of theirs. */
import { version } from "../../package.json";

/** The one version: of `--version`, `/api/versions` and About. Releases change it in the root package.json alone. */
export const VERSION: string = version;
