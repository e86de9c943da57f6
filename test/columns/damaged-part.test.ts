import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { testTicket } from '../ticket.ts';
import { manyActions } from './fabricate.ts';
import { bounds, openEmbedded, ship, temporaryDirectory } from './stores.ts';

it('a damaged part is no fault of whoever reads it', async () => {
  const directory = temporaryDirectory();
  try {
    const first = await openEmbedded(directory.path);
    await ship(first, [manyActions(1, 1_000)]);
    await first.close();
    const store = join(directory.path, 'clickhouse', 'store');
    for (const name of readdirSync(store, { recursive: true, encoding: 'utf8' })) {
      // All columns of a small part lie in one file.
      if (!name.endsWith('.bin') || name.includes('tmp')) continue;
      const path = join(store, name);
      const bytes = readFileSync(path);
      if (bytes.length > 4_000) writeFileSync(path, bytes.fill(0x5a, 500, bytes.length - 500));
    }
    const second = await openEmbedded(directory.path);
    const error = await second
      .sql(testTicket, 'SELECT sum(cityHash64(*)) FROM orders', {}, 10, bounds, 'whole')
      .catch((reason: unknown) => reason);
    await second.close();
    expect(error).toBeInstanceOf(Error);
    expect(error).not.toMatchObject({ code: 'BAD_USER_INPUT' });
    expect(String((error as Error).message)).toMatch(/part|\.bin/);
  } finally {
    directory.remove();
  }
});
