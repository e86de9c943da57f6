// Arguments: a data directory, and "auto" or "required". Starts a host of ClickHouse as a server does
// that runs as this process' user, says how it is isolated, and answers each statement that comes as
// a line of JSON: `{ "row": … }` or `{ "error": … }`. `{ "read": path }` is read by this process.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { ColumnClient } from '../../engine/columns/client.ts';
import { EmbeddedHost } from '../../engine/columns/embedded-host.ts';
import { silentLogger } from '../../engine/columns/logger.ts';

const [dataDirectory, demand] = process.argv.slice(2);
const say = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);
const columns = join(dataDirectory, 'columns');
const host = await EmbeddedHost.start(columns, silentLogger, dataDirectory, demand).catch(
  (error) => {
    say({ error: error.message });
    process.exit(1);
  },
);
const client = new ColumnClient({
  kind: 'socket',
  socketPath: host.socketPath,
  secret: host.secret,
});
const spool = join(dataDirectory, 'titles', 'game', 'columns', 'spool');
await host.lend(spool);
say({ kind: host.isolation.kind, detail: host.isolation.detail, pid: host.pid });

for await (const line of createInterface({ input: process.stdin })) {
  try {
    const { sql, command, read, handOver, pid } = JSON.parse(line);
    if (read) say({ row: readFileSync(read, 'utf8') });
    else if (pid) {
      await host.whenUp();
      say({ row: host.pid });
    } else if (handOver) say({ row: (await host.handOver(join(spool, handOver))).path });
    else if (command) say({ row: (await client.command(command)) ?? null });
    else say({ row: (await client.query({ sql, author: 'engine' })).rows[0]?.[0] });
  } catch (error) {
    say({ error: error.message });
  }
}
await client.close();
await host.close();
