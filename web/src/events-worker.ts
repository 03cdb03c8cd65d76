/**
 * A SharedWorker that holds the one event stream of all tabs of this browser, and tells each tab what it hears. Browsers
 * allow few connections to one server; eight tabs with a stream each would leave none for anything else.
 */
import { openStream, type StreamNews } from "./api/stream.ts";

const ports = new Set<MessagePort>();
let state: StreamNews | undefined;

const stream = openStream((news) => {
  if (news.type !== "change") state = news;
  for (const port of ports) port.postMessage(news);
});

const scope = self as unknown as { onconnect: (event: MessageEvent) => void };
scope.onconnect = (event) => {
  const port = event.ports[0];
  if (port === undefined) return;
  ports.add(port);
  port.onmessage = ({ data }) => {
    if (data === "bye") ports.delete(port);
    if (data === "again") stream.again();
  };
  if (state !== undefined) port.postMessage(state.type === "missed" ? { type: "ready" } : state);
};
