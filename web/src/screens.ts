/** The screens that are loaded when they are first wanted, or when the browser has nothing else to do. */
import { part } from "./load/part.tsx";

export const Users = part(async () => (await import("./users/users.tsx")).Users);
export const Groups = part(async () => (await import("./users/groups.tsx")).Groups);
export const Audit = part(async () => (await import("./audit/audit.tsx")).Audit);
export const System = part(async () => (await import("./system/system.tsx")).System);
export const Certificate = part(async () => (await import("./system/certificate.tsx")).Certificate);
export const Guide = part(async () => (await import("./guide/guide.tsx")).Guide);
export const Setup = part(async () => (await import("./signing/setup.tsx")).Setup);

/** So that no screen is missing when the server is away for a moment. */
export function preloadScreens(): void {
  for (const screen of [Users, Groups, Audit, System, Guide]) void screen.preload();
}
