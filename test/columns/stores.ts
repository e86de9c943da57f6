import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { QueryBounds } from '../../engine/columns/column-queries.ts';
import {
  type ColumnStoreOptions,
  type OpenColumnStore,
  openColumnStore,
} from '../../engine/columns/open-column-store.ts';
import { asLsn } from '../../engine/model/position.ts';
import type { ChangeSet } from '../../engine/state/change-set.ts';
import { testTicket } from '../ticket.ts';
import { catalog } from './fabricate.ts';

export const bounds: QueryBounds = {
  memoryBytesMax: 1024 ** 3,
  rowsReadMax: 1_000_000_000,
  threadsMax: 2,
};

export function temporaryDirectory(): { path: string; remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), 'tickloom-columns-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

export function openEmbedded(
  directory: string,
  options: Partial<ColumnStoreOptions> = {},
): Promise<OpenColumnStore> {
  const spoolDirectory = join(directory, 'spool');
  return openColumnStore({ catalog, target: 'embedded', directory, spoolDirectory, ...options });
}

/** Offers change sets as a log does, and waits until all are in. */
export async function ship(store: OpenColumnStore, changes: readonly ChangeSet[]): Promise<void> {
  for (const change of changes) {
    store.offer(change);
    store.advance(change.lsn);
  }
  await store.waitForCovered(testTicket.within(20_000), asLsn(changes.at(-1)?.lsn ?? 0));
}

export async function countOf(store: OpenColumnStore, table: string): Promise<number> {
  const { groups } = await store.groups(testTicket, {
    table,
    where: null,
    by: [],
    tickBucket: null,
    aggregates: [],
    orderBy: [],
    first: 1,
    bounds,
  });
  return Number(groups[0]?.count ?? 0n);
}
