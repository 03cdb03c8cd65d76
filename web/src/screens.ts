/** The screens that are loaded when they are first wanted, or when the browser has nothing else to do. */
import { part } from "./load/part.tsx";

export const Users = part(() => import("./users/users.tsx"), "Users", { heading: "Users" });
export const Groups = part(() => import("./users/groups.tsx"), "Groups", { heading: "Groups" });
export const Audit = part(() => import("./audit/audit.tsx"), "Audit", { heading: "Audit" });
export const System = part(() => import("./system/system.tsx"), "System", { heading: "System" });
export const Certificate = part(() => import("./system/certificate.tsx"), "Certificate", {
  heading: "Certificate",
});
export const Guide = part(() => import("./guide/guide.tsx"), "Guide", { heading: "Managing API Keys" });
export const Setup = part(() => import("./signing/setup.tsx"), "Setup", { heading: "Setup" });

/** So that no screen is missing when the server is away for a moment. */
export function preloadScreens(): void {
  for (const screen of [Users, Groups, Audit, System, Guide]) void screen.preload();
}
