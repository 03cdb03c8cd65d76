/** Who used a key of late: different clients at different addresses, the last use of each. */

/** More of one key are forgotten, the oldest first. */
export const CLIENTS_MAX = 20;
export const CLIENTS_AGE_MS = 60 * 60_000;

export interface ClientUse {
  readonly address: string | null;
  /** What the client calls itself. */
  readonly client: string | null;
  readonly at: number;
}

/** The clients of one batch but the last, for which nothing is kept: most uses are like the one before. */
export class EarlierClients {
  readonly #uses = new Map<string, ClientUse>();

  add(use: ClientUse): void {
    const name = JSON.stringify([use.address, use.client]);
    this.#uses.delete(name);
    this.#uses.set(name, use);
    if (this.#uses.size > CLIENTS_MAX) this.#uses.delete(this.#uses.keys().next().value!);
  }

  list(): ClientUse[] {
    return [...this.#uses.values()];
  }
}

export function isSameClient(a: Omit<ClientUse, "at">, b: Omit<ClientUse, "at">): boolean {
  return a.address === b.address && a.client === b.client;
}
