import type { RawConfig } from "@chatelaine/server/main";
import type { Command } from "commander";
import { addCommand, collect } from "./command.ts";

export function addServe(program: Command): void {
  addCommand(
    program,
    "serve",
    "Serves; makes the data folder where there is none.",
    "chatelaine serve",
    "chatelaine serve --https 0.0.0.0:5397 --data /srv/chatelaine",
    "chatelaine serve --http unix:/run/chatelaine.sock --https off --trusted-proxy unix",
    "chatelaine serve --check unix:/run/chatelaine.sock --socket-group www-data",
  )
    .option("--http <addr>", "ADDRESS:PORT, unix:/path or off; 127.0.0.1:5390 unless set (CHATELAINE_HTTP)")
    .option("--https <addr>", "the same with TLS; 127.0.0.1:5397 unless set (CHATELAINE_HTTPS)")
    .option(
      "--socket-mode <mode>",
      "mode of unix sockets: who may connect; 0660, owner and group, unless set (CHATELAINE_SOCKET_MODE)",
    )
    .option(
      "--socket-group <group>",
      "group of unix sockets, such as the proxy's; the server's own unless set (CHATELAINE_SOCKET_GROUP)",
    )
    .option("--cert <file>", "certificate chain of your own, PEM (CHATELAINE_CERT)")
    .option("--key <file>", "its private key, PEM (CHATELAINE_KEY)")
    .option(
      "--trusted-proxy <cidr>",
      "address, network or `unix` whose forwarded headers count; ADDRESS=tls for a program that ends TLS and sends none; may be given again (CHATELAINE_TRUSTED_PROXY)",
      collect(String),
    )
    .option(
      "--secure-from <cidr>",
      "network that is private by itself, such as WireGuard: from there plain http is secure; may be given again (CHATELAINE_SECURE_FROM)",
      collect(String),
    )
    .option(
      "--check-from <cidr>",
      "address or network that may ask about keys of others; may be given again (CHATELAINE_CHECK_FROM)",
      collect(String),
    )
    .option(
      "--check <addr>",
      "one more address that serves checks of keys, the public keys of signed identities and health, and nothing else; off unless set (CHATELAINE_CHECK)",
    )
    .option(
      "--allow-origin <origin>",
      "origin of other web pages that may open a WebSocket; may be given again (CHATELAINE_ALLOW_ORIGIN)",
      collect(String),
    )
    .option(
      "--allow-host <name>",
      "name that a server on loopback answers to beside localhost, addresses, the certificate's names and public_url; may be given again (CHATELAINE_ALLOW_HOST)",
      collect(String),
    )
    .option(
      "--anonymous-rate <n>",
      "calls a minute without sign-in for each method and network; 20 unless set, 0 for no limit (CHATELAINE_ANONYMOUS_RATE)",
    )
    .option(
      "--backup-every <time>",
      "write a backup so often, such as 24h; with --backup-to (CHATELAINE_BACKUP_EVERY)",
    )
    .option("--backup-to <dir>", "folder for them, better on another disk (CHATELAINE_BACKUP_TO)")
    .option("--keep <n>", "how many of them stay; 14 unless set (CHATELAINE_KEEP)")
    .option("--log-level <level>", "debug, info, warn or error; info unless set (CHATELAINE_LOG_LEVEL)")
    .option("--log-format <format>", "text or json; text unless set (CHATELAINE_LOG_FORMAT)")
    .action(async (_options: unknown, command: Command) => {
      const { serve } = await import("@chatelaine/server/main");
      process.exitCode = await serve(command.optsWithGlobals<RawConfig>());
    });
}
