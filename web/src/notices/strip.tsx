import { CloseButton } from "@mantine/core";
import { IconClockExclamation } from "@tabler/icons-react";
import { useEffect, useRef, useState } from "react";
import { useClockSkew } from "../api/server-clock.ts";
import { useIsScreenUppermost } from "../form/stages.ts";
import { sayLength } from "../time/instant.tsx";
import { ScreenTroubles } from "./notice-place.tsx";
import { UpgradeNotice } from "./upgrade-notice.tsx";

/** What stands below the top bar. The frame is told how high it is, so that nothing hides behind it. */
export function Strip() {
  const strip = useRef<HTMLDivElement>(null);
  const isUppermost = useIsScreenUppermost();
  useEffect(() => {
    const { current } = strip;
    if (current === null) return;
    const observer = new ResizeObserver(() =>
      document.documentElement.style.setProperty("--strip", `${current.offsetHeight}px`),
    );
    observer.observe(current);
    return () => observer.disconnect();
  }, []);
  return (
    <div ref={strip} className="strip">
      <ClockWarning />
      {isUppermost && <UpgradeNotice />}
      <ScreenTroubles />
    </div>
  );
}

/** A clock that is wrong makes times look wrong that are right. */
function ClockWarning() {
  const skew = useClockSkew();
  const [hidden, setHidden] = useState<number>();
  const minutes = Math.round(skew / 60_000);
  if (skew === 0 || hidden === minutes) return null;
  return (
    <div className="notice" data-tone="soon" role="status">
      <IconClockExclamation size={18} stroke={2} aria-hidden />
      <p>
        <strong>
          This device's clock is {sayLength(Math.abs(skew))} {skew > 0 ? "behind" : "ahead of"} the server's.{" "}
        </strong>
        Times shown here follow the server.
      </p>
      <CloseButton size="sm" aria-label="Close notice" onClick={() => setHidden(minutes)} />
    </div>
  );
}
