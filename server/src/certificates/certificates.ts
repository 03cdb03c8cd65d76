/**
 * The certificate that the server shows, and what SCRAM binds to it.
 *
 * Either the operator or an ACME client provides one as files, or a local CA makes one: ECDSA P-256, 90 days,
 * renewed when less than a third is left. The CA may vouch for its own names and addresses alone, so that who trusts it
 * risks nothing beyond this server; its key lies sealed. What is served changes only by `refresh`, and only to a
 * certificate whose key fits and that official clients can bind to.
 */
import { tlsServerEndPoint } from "./binding.ts";
import { openLocalFolder, type Sealing } from "./local.ts";
import { readNames } from "./names.ts";
import { readProvided } from "./provided.ts";
import type { ServingCertificate } from "./serving.ts";

export { bindingFault, bindingOf, tlsServerEndPoint } from "./binding.ts";

export interface Certificates {
  current(): ServingCertificate;
  /** PEM of the local CA; undefined when a certificate is provided. */
  caPem(): string | undefined;
  /** True when opening or the last refresh made a new CA: clients that trust the old one must be made to trust this one. */
  isNewAuthority(): boolean;
  /** The tls-server-end-point channel binding of the current leaf (RFC 5929, section 4.1). */
  binding(): Uint8Array;
  /**
   * Reads a provided certificate again, or renews the local leaf when it nears its end.
   * @returns whether the current certificate changed. Where it throws, the current one stays.
   */
  refresh(): Promise<boolean>;
}

export interface CertificateOptions extends Sealing {
  /** DATA/tls; made where it is missing. */
  readonly folder: string;
  /** DNS names and address texts. What can stand in no certificate is left out. */
  readonly names: readonly string[];
  readonly provided?: { readonly certFile: string; readonly keyFile: string };
  readonly clock: { now(): number };
}

/** Throws AppError `invalid`, in one line, for a certificate that cannot be served. */
export async function openCertificates(options: CertificateOptions): Promise<Certificates> {
  const load = options.provided ? loadProvided(options.provided, options.clock) : loadLocal(options);
  let loaded = await load(undefined);
  let binding = tlsServerEndPoint(loaded.serving.leafDer);
  return {
    current: () => loaded.serving,
    caPem: () => loaded.caPem,
    isNewAuthority: () => loaded.isNewAuthority,
    binding: () => binding,
    async refresh() {
      const before = loaded.serving.fingerprint;
      const next = await load(loaded);
      binding = tlsServerEndPoint(next.serving.leafDer);
      loaded = next;
      return next.serving.fingerprint !== before;
    },
  };
}

interface Loaded {
  readonly serving: ServingCertificate;
  readonly caPem: string | undefined;
  readonly isNewAuthority: boolean;
}

type Load = (current: Loaded | undefined) => Promise<Loaded>;

function loadProvided(files: { certFile: string; keyFile: string }, clock: { now(): number }): Load {
  return async () => ({
    serving: readProvided(files, clock.now()),
    caPem: undefined,
    isNewAuthority: false,
  });
}

function loadLocal(options: CertificateOptions): Load {
  const names = readNames(options.names);
  const local = openLocalFolder(options.folder, options);
  return (current) => local.obtain(names, options.clock.now(), current);
}
