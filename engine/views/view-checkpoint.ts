import { createHash } from 'node:crypto';
import { asLsn, type Lsn } from '../position.ts';
import type { GroupView } from './group-view.ts';
import type { TableSource } from './table-source.ts';

interface Header {
  readonly format: 1;
  readonly lsn: number;
  /** Of the definitions of all views. */
  readonly definitions: string;
  readonly dictionaries: readonly { readonly table: string; readonly column: string }[];
  readonly views: readonly { readonly stamp: number; readonly parts: number }[];
  /** Bytes of each part: the dictionaries, then the views' parts, in order. */
  readonly partBytes: readonly number[];
}

/**
 * The group views' contents as one binary: a JSON header with its length as Uint32 before it, then
 * the parts, which are the views' own columns copied out; as pieces to write one after the other, so
 * that nothing is copied twice. Top views follow from the group views.
 */
export function writeViewCheckpoint(
  lsn: Lsn,
  tables: ReadonlyMap<string, TableSource>,
  views: readonly GroupView[],
): Uint8Array[] {
  const dictionaries: { table: string; column: string }[] = [];
  const parts: Uint8Array[] = [];
  for (const [table, source] of tables) {
    for (const [column, dictionary] of source.dictionaries()) {
      dictionaries.push({ table, column });
      parts.push(dictionary.dump());
    }
  }
  const entries = views.map((view) => {
    const dumped = view.dump();
    parts.push(...dumped);
    return { stamp: view.frames.stampAt(lsn) ?? 0, parts: dumped.length };
  });
  const header: Header = {
    format: 1,
    lsn,
    definitions: definitionsOf(views),
    dictionaries,
    views: entries,
    partBytes: parts.map((part) => part.byteLength),
  };
  const json = new TextEncoder().encode(JSON.stringify(header));
  return [new Uint8Array(Uint32Array.of(json.length).buffer), json, ...parts];
}

/** Loads into empty views; null, and nothing is loaded, when it does not fit their definitions. */
export function readViewCheckpoint(
  checkpoint: Uint8Array,
  tables: ReadonlyMap<string, TableSource>,
  views: readonly GroupView[],
): Lsn | null {
  const headerBytes = new DataView(checkpoint.buffer, checkpoint.byteOffset).getUint32(0, true);
  const json = new TextDecoder().decode(checkpoint.subarray(4, 4 + headerBytes));
  const header = JSON.parse(json) as Header;
  if (header.format !== 1 || header.definitions !== definitionsOf(views)) return null;
  let at = 4 + headerBytes;
  const parts = header.partBytes.map((bytes) => {
    at += bytes;
    return checkpoint.subarray(at - bytes, at);
  });
  for (const { table, column } of header.dictionaries) {
    tables
      .get(table)
      ?.dictionary(column)
      .load(parts.shift() ?? new Uint8Array(0));
  }
  const lsn = asLsn(header.lsn);
  views.forEach((view, index) => {
    const entry = header.views[index];
    view.load(parts.splice(0, entry?.parts ?? 0), lsn, entry?.stamp ?? 0);
  });
  return lsn;
}

function definitionsOf(views: readonly GroupView[]): string {
  return createHash('sha256')
    .update(JSON.stringify(views.map((view) => view.fingerprint)))
    .digest('hex');
}
