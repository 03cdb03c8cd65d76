/** The screens that are loaded when they are first wanted, or when the browser has nothing else to do. */
import type { ComponentType } from "react";
import { type Part, part } from "./load/part.tsx";

function screen(heading: string, fetchPart: () => Promise<ComponentType>): Part<object> {
  return part(fetchPart, null, heading);
}

export const Users = screen("Users", async () => (await import("./users/users.tsx")).Users);
export const Groups = screen("Groups", async () => (await import("./users/groups.tsx")).Groups);
export const Audit = screen("Audit", async () => (await import("./audit/audit.tsx")).Audit);
export const System = screen("System", async () => (await import("./system/system.tsx")).System);
export const Certificate = screen(
  "Certificate",
  async () => (await import("./system/certificate.tsx")).Certificate,
);
export const Guide = screen("Managing API Keys", async () => (await import("./guide/guide.tsx")).Guide);
export const Setup = screen("Setup", async () => (await import("./signing/setup.tsx")).Setup);

/** So that no screen is missing when the server is away for a moment. */
export function preloadScreens(): void {
  for (const screen of [Users, Groups, Audit, System, Guide]) void screen.preload();
}
