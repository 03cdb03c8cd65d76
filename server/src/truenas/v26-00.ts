/** v26.0.0 still tells of the two old sign-in methods. */
import { V27_00 } from "./v27-00.ts";
import type { Version } from "./version.ts";

export const V26_00: Version = { ...V27_00, name: "v26.0.0", hides: [], validatesFirst: true };
