import { Skeleton, Stack } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { call } from "../api/call.ts";
import { useMay } from "../api/session.ts";
import { useTitle } from "../frame/title.ts";
import { FailedState } from "../table/state.tsx";
import { DocsCard } from "./docs-card.tsx";
import { AddressCard, KeyPolicyCard, SessionLimitsCard } from "./policy-cards.tsx";
import { Sessions } from "./sessions.tsx";
import { TransportCard } from "./transport-card.tsx";
import { Deliveries, WebhookCard } from "./webhook-card.tsx";

/** The server's own settings, and who is signed in. */
export function System() {
  useTitle("System");
  const may = useMay();
  const maySee = may("settings.get");
  const { data, error, isPending, isError, refetch } = useQuery({
    queryKey: ["settings"],
    queryFn: ({ signal }) => call("settings.get", {}, { signal }),
    enabled: maySee,
  });
  const shared = data && { settings: data, mayChange: may("settings.update") };
  return (
    <>
      <div className="screen-head">
        <h1>System</h1>
      </div>
      <Stack gap="lg" className="sections">
        {maySee && isPending && <Skeleton height={320} />}
        {isError && !data && <FailedState error={error} onRetry={() => void refetch()} />}
        {shared && (
          <>
            <KeyPolicyCard {...shared} />
            <TransportCard {...shared} />
            <AddressCard {...shared} />
            <section className="card">
              <h2>Certificate</h2>
              <p className="muted">
                How other machines come to trust this server's https, or how it gets a certificate of yours.
              </p>
              <a href="/certificate">Trust the local authority, or bring your own certificate</a>
            </section>
            <SessionLimitsCard {...shared} />
            <DocsCard {...shared} />
            <WebhookCard {...shared} />
            <Deliveries />
          </>
        )}
        {may("sessions.list") && <Sessions />}
      </Stack>
    </>
  );
}
