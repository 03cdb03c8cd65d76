/** From a key pressed in Chromium until the frame with the new rows is over, and where that time went. */
import type { CDPSession, Page } from "playwright-core";
import { cpuSeconds } from "./load.ts";
import { figure, median, quantile } from "./results.ts";

/** Milliseconds. */
interface Sample {
  readonly whole: number;
  /** From the key to the request; NaN where nothing was asked, because the rows were there already. */
  readonly before: number;
  readonly request: number;
  /** From the answer to the end of the frame. */
  readonly after: number;
  /** CPU of the page's main thread. */
  readonly page: number;
  /** CPU of the server's process, all threads. */
  readonly server: number;
}

export class Stopwatch {
  readonly #page: Page;
  readonly #session: CDPSession;
  readonly #pid: number;

  private constructor(page: Page, session: CDPSession, pid: number) {
    this.#page = page;
    this.#session = session;
    this.#pid = pid;
  }

  /** @param pid of the server */
  static async start(page: Page, pid: number): Promise<Stopwatch> {
    const session = await page.context().newCDPSession(page);
    await session.send("Performance.enable", { timeDomain: "threadTicks" });
    return new Stopwatch(page, session, pid);
  }

  /** `act` presses the one key that the table answers with other rows. Fails where it does not. */
  async take(act: () => Promise<unknown>): Promise<Sample> {
    await this.#page.evaluate(watchRows);
    const [page, server] = [await this.#pageMs(), cpuSeconds(this.#pid)];
    await act();
    const times = await this.#page.evaluate(() => (window as unknown as Watched).took);
    if (times === null) throw new Error("The rows stayed what they were");
    return {
      ...times,
      page: (await this.#pageMs()) - page,
      server: (cpuSeconds(this.#pid) - server) * 1000,
    };
  }

  async #pageMs(): Promise<number> {
    const { metrics } = await this.#session.send("Performance.getMetrics");
    return (metrics.find(({ name }) => name === "TaskDuration")?.value ?? Number.NaN) * 1000;
  }
}

interface Watched {
  took: Promise<Pick<Sample, "whole" | "before" | "request" | "after"> | null>;
}

/** Runs in the page. Rows that are dimmed are those of the question before. */
function watchRows(): void {
  const late = 10_000;
  const text = (): string => document.querySelector(".table-frame")?.textContent ?? "";
  const isOld = (): boolean => document.querySelector(".table-frame[aria-busy=true]") !== null;
  const was = text();
  let began = Number.NaN;
  window.addEventListener("keydown", () => (began = performance.now()), { capture: true, once: true });
  performance.clearResourceTimings();
  const asked = (): PerformanceResourceTiming | undefined =>
    (performance.getEntriesByType("resource") as PerformanceResourceTiming[]).findLast(
      ({ name, startTime }) => name.includes("/api/v1/keys?") && startTime >= began,
    );
  (window as unknown as Watched).took = new Promise((resolve) => {
    const until = performance.now() + late;
    const look = (): void => {
      if (performance.now() > until) resolve(null);
      else if (text() === was || isOld()) requestAnimationFrame(look);
      else measure();
    };
    const measure = (): void => {
      // What was said of requests is of the rows just seen: they may foresee the next page meanwhile.
      const request = asked();
      requestAnimationFrame(() => {
        const end = performance.now();
        resolve({
          whole: end - began,
          before: (request?.startTime ?? Number.NaN) - began,
          request: request ? request.responseEnd - request.startTime : Number.NaN,
          after: end - (request?.responseEnd ?? began),
        });
      });
    };
    requestAnimationFrame(look);
  });
}

export function tellMiddle(samples: readonly Sample[]): {
  readonly measured: string;
  readonly parts: string;
} {
  const of = (part: keyof Sample): string => figure(median(samples.map((sample) => sample[part])), "ms");
  const whole = samples.map((sample) => sample.whole);
  const wasAsked = samples.filter(({ request }) => !Number.isNaN(request)).length > samples.length / 2;
  const server = samples.reduce((sum, sample) => sum + sample.server, 0) / samples.length;
  const way = wasAsked
    ? `${of("before")} to the request, ${of("request")} for it, ${of("after")} to the painted rows`
    : "asked for before the key was pressed";
  return {
    measured: `median ${figure(median(whole), "ms")}, worst ${figure(quantile(whole, 1), "ms")}`,
    parts: `${way}; CPU: page ${of("page")}, server ${figure(server, "ms")}`,
  };
}
