import type { ReactNode } from "react";
import { Mark } from "../frame/mark.tsx";

interface DoorProps {
  readonly title: string;
  readonly words?: ReactNode;
  readonly children: ReactNode;
  readonly wide?: boolean;
}

/** The page before the house: sign-in and setup. */
export function Door({ title, words, children, wide = false }: DoorProps) {
  return (
    <main className="door" data-wide={wide || undefined} tabIndex={-1} aria-label={title}>
      <div className="door-brand">
        <Mark size={32} />
        <span>Chatelaine</span>
      </div>
      <div className="door-leaf">
        <h1>{title}</h1>
        {words && <p className="muted door-words">{words}</p>}
        {children}
      </div>
    </main>
  );
}
