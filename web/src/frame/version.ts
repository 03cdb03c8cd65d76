/** Alone because it alone reaches out of the screens' own folder, for the one version of the root package. */
import { version } from "../../../package.json";

export const VERSION: string = version;
