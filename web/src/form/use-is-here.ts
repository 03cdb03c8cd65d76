/** Alone because what waits for an answer asks it on every screen: whether the component is still mounted. */
import { useEffect, useRef } from "react";

export function useIsHere(): { readonly current: boolean } {
  const isHere = useRef(true);
  useEffect(() => {
    isHere.current = true;
    return () => {
      isHere.current = false;
    };
  }, []);
  return isHere;
}
