import { join } from 'node:path';
import type { Storage } from '../../disk/storage.ts';
import type { Lsn } from '../../model/position.ts';
import { isWhole, type SpoolFile } from './spool.ts';

/** A block of one table as a durable file of the spool. */
export interface KeptBlock {
  readonly firstLsn: Lsn;
  readonly lastLsn: Lsn;
  readonly rows: number;
  /** The columns of the block's Arrow stream, in order; a later manifest's table may have more. */
  readonly columns: readonly string[];
  readonly file: SpoolFile;
}

/**
 * What a checkpoint keeps of one table: ClickHouse held every row up to `afterLsn`, and every row
 * after that, up to the checkpoint, is in the blocks, in order.
 *
 *     afterLsn ┊■■■■■┊■■■■┊■■┊ the checkpoint
 */
export interface KeptTable {
  /** The manifest's name. */
  readonly table: string;
  readonly afterLsn: Lsn;
  readonly blocks: readonly KeptBlock[];
}

/** What a checkpoint keeps, by table. Tables that came later have no rows before it. */
export type KeptBacklog = readonly KeptTable[];

/** What is still there of it. */
export interface FoundBacklog {
  readonly tables: KeptBacklog;
  /** Where the files lie. */
  readonly directory: string;
  /** Names of the files of which every byte is as it was written. */
  readonly whole: ReadonlySet<string>;
}

export const emptyBacklog: FoundBacklog = { tables: [], directory: '', whole: new Set() };

/** Reads what is kept, without holding it in memory. Blocks that ClickHouse has may be gone. */
export async function findBacklog(
  storage: Storage,
  directory: string,
  tables: KeptBacklog,
): Promise<FoundBacklog> {
  const whole = new Set<string>();
  for (const { blocks } of tables) {
    for (const { file } of blocks) {
      if (await isWhole(storage, directory, file)) whole.add(file.name);
    }
  }
  return { tables, directory, whole };
}

/**
 * The blocks that a table in ClickHouse which ends at `shippedLsn` lacks; a text saying why they do
 * not join up with it.
 */
export function missingBlocks(
  { table, afterLsn, blocks }: KeptTable,
  { whole, directory }: FoundBacklog,
  shippedLsn: Lsn,
): readonly KeptBlock[] | string {
  if (shippedLsn < afterLsn) {
    return `the column store holds ${table} up to ${shippedLsn}, and had it up to ${afterLsn}`;
  }
  const missing = blocks.filter(({ lastLsn }) => lastLsn > shippedLsn);
  const [first] = missing;
  // Another replay made other blocks of these rows: this one would be half there already.
  if (first && first.firstLsn <= shippedLsn) {
    return `the column store holds ${table} up to ${shippedLsn}, within the block from ${first.firstLsn} to ${first.lastLsn}`;
  }
  const lost = missing.find(({ file }) => !whole.has(file.name));
  return lost
    ? `${join(directory, lost.file.name)} of the column store's backlog is damaged or gone`
    : missing;
}
