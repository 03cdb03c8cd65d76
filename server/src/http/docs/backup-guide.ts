/** How an installation is kept, brought back, upgraded and taken back to a version before. Run by `docs-backup.test.ts`. */
import { html } from "hono/html";
import { guide } from "./guide.ts";
import { code, type DocsPage, table } from "./layout.ts";

export const BACKUP: DocsPage = guide(
  "backup-and-restore",
  "Backup, restore, upgrade and going back",
  "One file that is the whole installation, and how it comes back: disaster, another machine, moving, rollback, downgrade, snapshot, quarantine, restore_not_accepted, master secret, passphrase.",
  (_, base) => html`
<p>These commands run on the server's machine, as the user that the server runs as. <code>--data</code> or <code>CHATELAINE_DATA</code> names the data folder.</p>
<h2>Back up</h2>
<p>While the server runs or not. The file is of one moment, and shows by its last lines whether a byte of it differs:</p>
${code(`chatelaine backup /mnt/backups/today.backup
chatelaine backup --verify /mnt/backups/today.backup`)}
<p>Users, groups, keys, settings, the audit log, the use of keys and the local CA are in it. Sessions, tokens and setup links are not. Without the master
secret the file opens nothing: keep the secret somewhere else (the file <code>secret</code> of the data folder), or put it into the backup under a passphrase:</p>
${code(`chatelaine backup --with-secret \\
  --passphrase-file /root/passphrase /mnt/backups/whole.backup`)}
<h3>By itself</h3>
${code(`chatelaine serve --backup-every 24h --backup-to /mnt/backups --keep 14`)}
<p>A backup that fails, or that is twice as old as it should be, is an alert; <code>/metrics</code> has <code>chatelaine_backup_age_seconds</code>
and <code>chatelaine_backup_failures_total</code>. Only files that this installation wrote by itself are deleted.</p>
<h2>Restore</h2>
<p>See first what would happen; this changes nothing and needs no stop:</p>
${code(`chatelaine restore --dry-run /mnt/backups/today.backup`)}
${code(`systemctl stop chatelaine
chatelaine restore /mnt/backups/today.backup
systemctl start chatelaine`)}
<p>What was changed comes back, and what was made since is gone. What <em>ended</em> since stays so, because the database that is there knows it:</p>
${table(
  ["Since the backup", "After the restore"],
  [
    ["A key was revoked, paused or deleted, or expired", "Dead"],
    ["A key was reset, a password changed", "The new one is good, the old one is not"],
    ["A key or user was held to roles, scopes, addresses, a rate or an end", "Held to them"],
    ["A user was locked or deleted, lost a role or scope, or left a group", "So it stays"],
    ["A user or group has another name or e-mail address", "The present ones stay"],
    [
      "The webhook, the public URL or the client certificate was changed, a setting made stricter",
      "So it stays",
    ],
  ],
)}
<p>All sessions end. The database as it was is kept beside it, as <code>before-restore-….backup</code>.</p>
<h3>Exactly as it was</h3>
<p>Where what was deleted or revoked is wanted back, say so. Then nothing is checked and nobody signs in
(<a href="${base}/errors/restore_not_accepted"><code>restore_not_accepted</code></a>, 503) until you have looked through it and accept it:</p>
${code(`systemctl stop chatelaine
chatelaine restore --as-it-was /mnt/backups/today.backup
chatelaine key list
chatelaine restore --accept
systemctl start chatelaine`)}
<h3>On another machine</h3>
<p>Into an empty folder. What ended since the backup is not known there, so it waits to be accepted too: revoke first what must stay dead.</p>
${code(`chatelaine restore --data /srv/chatelaine \\
  --passphrase-file /root/passphrase /mnt/backups/whole.backup
chatelaine key list --data /srv/chatelaine
chatelaine restore --accept --data /srv/chatelaine`)}
<p>A backup without the secret needs it in its place first: the file <code>secret</code> in the folder, or <code>CHATELAINE_SECRET_FILE</code>.</p>
<h3>Copies of the whole folder</h3>
<p>A snapshot of the disk, or a copy of the folder of a server that was stopped, is whole too. When an older one is put back, the state file
outside the folder (<code>--state</code>) shows it: the data waits to be accepted.</p>
<h2>Upgrade</h2>
<p>Put the new version in the place of the old one, and start it. Where it changes the tables it first writes a backup, <code>before-VERSION-….backup</code>, into the data
folder (into <code>--backup-to</code> where that is set), and says so in the log; the newest three stay. Without it there is no upgrade.</p>
<h2>Going back to the version before</h2>
<p>A version does not open the tables of a newer one. Stop the server, put the old version in place, and bring back what the new one wrote before the upgrade:</p>
${code(`systemctl stop chatelaine
chatelaine restore "$(ls -t /var/lib/chatelaine/before-*.backup | head -n 1)"
chatelaine key list
chatelaine restore --accept
systemctl start chatelaine`)}
<p>The old version cannot read what ended since the upgrade: its database is moved aside, and the data waits to be accepted. Version 0.1 has no
<code>restore</code>: to be able to go back to it, copy the folder of the stopped server before the upgrade.</p>`,
);
