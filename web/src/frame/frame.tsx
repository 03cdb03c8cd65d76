import { useQuery } from "@tanstack/react-query";
import { Outlet, useRouterState } from "@tanstack/react-router";
import { useEffect, useRef } from "react";
import { useLiveChanges } from "../api/events.ts";
import { isSignedIn, sessionQuery, useMe } from "../api/session.ts";
import { Strip } from "../notices/strip.tsx";
import { preloadScreens } from "../screens.ts";
import { SignInAgain } from "../signing/sign-in-again.tsx";
import { SideBar } from "./side-bar.tsx";
import { TopBar } from "./top-bar.tsx";

/**
 * What is around every screen. When the session ends the screen stays as it is, hidden behind the sign-in, so that what
 * was typed is there again afterwards.
 */
export function Frame() {
  const { data: who } = useQuery(sessionQuery);
  const me = useMe();
  // Where somebody else has signed in meanwhile, in another tab, what is open here is neither theirs to see nor to save.
  const isOver = who !== undefined && !(isSignedIn(who) && who.user.id === me.user.id);
  const main = useFocusOnNavigation();
  useLiveChanges(!isOver);
  useEffect(() => {
    if (typeof requestIdleCallback !== "function") return;
    const waiting = requestIdleCallback(preloadScreens);
    return () => cancelIdleCallback(waiting);
  }, []);
  useEffect(() => {
    document.body.toggleAttribute("data-locked", isOver);
    return () => document.body.removeAttribute("data-locked");
  }, [isOver]);
  return (
    <>
      <div className="frame">
        <a className="skip" href="#main">
          Skip to content
        </a>
        <header className="top">
          <TopBar />
          <Strip />
        </header>
        <SideBar />
        <main id="main" tabIndex={-1} ref={main}>
          <Outlet />
          <div id="floats" />
        </main>
      </div>
      {isOver && <SignInAgain username={me.user.username} />}
    </>
  );
}

/** After a move to another screen a screen reader begins there, not at the top. */
function useFocusOnNavigation() {
  const path = useRouterState({ select: (state) => state.resolvedLocation?.pathname });
  const main = useRef<HTMLElement>(null);
  const before = useRef(path);
  useEffect(() => {
    if (before.current !== undefined && before.current !== path) main.current?.focus({ preventScroll: true });
    before.current = path;
  }, [path]);
  return main;
}
