import { IconPlugConnectedX } from "@tabler/icons-react";
import { useEffect, useState } from "react";
import { useConnection } from "../api/events.ts";

/** A moment's break is not worth a word. */
const PATIENCE_MS = 1_200;

/** Says that what is shown may be out of date, for as long as changes do not arrive. */
export function ConnectionSign() {
  const isLost = useConnection() === "lost";
  const [isTold, setTold] = useState(false);
  useEffect(() => {
    if (!isLost) return setTold(false);
    const timer = setTimeout(() => setTold(true), PATIENCE_MS);
    return () => clearTimeout(timer);
  }, [isLost]);
  return (
    <div role="status" className="connection">
      {isTold && (
        <span className="connection-lost">
          <IconPlugConnectedX size={16} aria-hidden />
          Connection lost<span className="wide-only">: what you see may be out of date. Trying again…</span>
        </span>
      )}
    </div>
  );
}
