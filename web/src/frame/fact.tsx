import type { ReactNode } from "react";

/** A line of a list of facts. */
export function Fact({ term, children }: { readonly term: string; readonly children: ReactNode }) {
  return (
    <>
      <dt>{term}</dt>
      <dd className="break">{children}</dd>
    </>
  );
}
