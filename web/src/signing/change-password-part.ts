/** Alone because importing `change-password.tsx` itself would load it at once. */
import { part } from "../load/part.tsx";

/** Loaded when somebody wants it: from the menu of the user, and from the row of oneself among the users. */
export const ChangePassword = part(() => import("./change-password.tsx"), "ChangePassword");
