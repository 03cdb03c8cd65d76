/**
 * Parts of the screens that are loaded when they are first wanted. A part that cannot be loaded says so in its own place, inside the
 * frame and beside what was typed, and comes by itself as soon as the server gives it. Where the server runs another
 * version by then, which has no such part, the page is loaded again, and where that would lose something it says so.
 * Held by `web/test/links.test.ts`.
 */
import { Button } from "@mantine/core";
import { IconCloudOff } from "@tabler/icons-react";
import { type ComponentType, createElement, type ReactNode, useEffect, useState } from "react";
import { isAnythingHeld } from "../form/held.ts";
import { State } from "../table/state.tsx";
import { importAgain } from "./import-again.ts";
import { lookForUpgrade, reload, useIsUpgraded } from "./upgrade.ts";

const AGAIN_MS = 2_000;

export type Part<Props> = ((props: Props) => ReactNode) & {
  /** Loads it early; a failure is of no matter then. */
  readonly preload: () => Promise<void>;
};

interface Around {
  /** Shown while it comes. */
  readonly waiting?: ReactNode;
  /** Of a whole screen, which has one also where it could not be loaded. */
  readonly heading?: string;
}

/** The exports of a module: of those that are used, all are components. */
type Exports<Name extends string> = Readonly<Record<Name, ComponentType<never>>>;
type PropsOf<Component> = Component extends (props: infer Props extends object) => ReactNode ? Props : object;

/** @param name under which the module exports it */
export function part<Name extends string, Module extends Exports<Name>>(
  load: () => Promise<Module>,
  name: Name,
  { waiting = null, heading }: Around = {},
): Part<PropsOf<Module[Name]>> {
  type Props = PropsOf<Module[Name]>;
  let known: ComponentType<Props> | undefined;
  const find = async (): Promise<void> => {
    known ??= (await importAgain(load))[name] as unknown as ComponentType<Props>;
  };
  // biome-ignore lint/correctness/noComponentHookFactories: called once for each part, where modules are made
  const Loaded = (props: Props): ReactNode => {
    const state = useLoading(find, known !== undefined);
    if (known !== undefined) return createElement(known, props);
    return state.hasFailed ? <NotThere heading={heading} onAgain={state.again} /> : waiting;
  };
  return Object.assign(Loaded, { preload: () => find().catch(() => undefined) });
}

/** Tries until it is there. */
function useLoading(find: () => Promise<void>, isKnown: boolean) {
  const [tries, setTries] = useState(0);
  const [hasFailed, setFailed] = useState(false);
  const again = (): void => setTries((before) => before + 1);
  // biome-ignore lint/correctness/useExhaustiveDependencies: each try is one run
  useEffect(() => {
    if (isKnown) return;
    let isGone = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const attempt = async (): Promise<void> => {
      const isThere = await find().then(
        () => true,
        () => false,
      );
      if (isGone) return;
      if (isThere) return again();
      setFailed(true);
      if ((await lookForUpgrade()) && !isAnythingHeld()) return location.reload();
      if (!isGone) timer = setTimeout(again, AGAIN_MS);
    };
    void attempt();
    return () => {
      isGone = true;
      clearTimeout(timer);
    };
  }, [find, isKnown, tries]);
  return { hasFailed, again };
}

interface NotThereProps {
  readonly heading: string | undefined;
  readonly onAgain: () => void;
}

function NotThere({ heading, onAgain }: NotThereProps) {
  const isUpgraded = useIsUpgraded();
  return (
    <div role="alert">
      {heading !== undefined && <h1>{heading}</h1>}
      <State
        icon={<IconCloudOff size={40} stroke={1.3} aria-hidden />}
        title={isUpgraded ? "This part has a newer version" : "The server does not answer"}
      >
        <p>
          {isUpgraded
            ? "It comes with a reload of the page, when what is open here is finished."
            : "This part of the screens could not be loaded. It appears by itself when the server is back."}
        </p>
        <Button variant="default" onClick={isUpgraded ? reload : onAgain}>
          {isUpgraded ? "Reload page" : "Try again"}
        </Button>
      </State>
    </div>
  );
}
