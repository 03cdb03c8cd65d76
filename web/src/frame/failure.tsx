import { Button } from "@mantine/core";
import { IconCloudOff } from "@tabler/icons-react";
import { sayProblem } from "../api/problem.ts";
import { useTitle } from "./title.ts";

/** In the place of a screen that could not be shown. */
export function Failure({ error, reset }: { readonly error: unknown; readonly reset: () => void }) {
  useTitle("Failed");
  const { title, words } = sayProblem(error);
  const again = async (): Promise<void> => {
    // Without a server the browser would show a page of its own, which never comes back by itself.
    if (!(await isServerThere())) return;
    reset();
    window.location.reload();
  };
  return (
    <div className="whole-page">
      <div className="state" role="alert">
        <IconCloudOff size={40} stroke={1.3} aria-hidden />
        <h1>{title}</h1>
        <p>{words}</p>
        <Button onClick={again}>Try again</Button>
      </div>
    </div>
  );
}

function isServerThere(): Promise<boolean> {
  return fetch("/", { cache: "no-store" }).then(
    () => true,
    () => false,
  );
}
