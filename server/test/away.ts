/** Another machine, for tests: this one, by its address on the network. Where there is none the tests fail that need it. */
import { networkInterfaces } from "node:os";

/** What comes from there comes from another machine, as far as a listener sees. */
export const AWAY = addressOfNetwork();

function addressOfNetwork(): string {
  const found = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .find(({ family, internal }) => family === "IPv4" && !internal);
  if (!found) throw new Error("These tests need a network interface with an IPv4 address beside loopback");
  return found.address;
}
