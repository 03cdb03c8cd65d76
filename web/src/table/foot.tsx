import type { ReactNode } from "react";
import { watchFoot } from "../form/foot.ts";

/**
 * Below a list, in view wherever the list is scrolled to. What is chosen of the list is told and acted on here too, so that
 * choosing moves nothing.
 */
export function Foot({ children }: { readonly children: ReactNode }) {
  return (
    <div className="foot" ref={watchFoot}>
      {children}
    </div>
  );
}
