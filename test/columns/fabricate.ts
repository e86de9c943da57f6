import { Catalog } from '../../engine/model/catalog.ts';
import { asLsn } from '../../engine/model/position.ts';
import { conflictCodes } from '../../engine/model/system-columns.ts';
import type {
  ColumnDefinition,
  Row,
  ScalarKind,
  TableDefinition,
  TitleManifest,
} from '../../engine/model/types.ts';
import type { ChangeSet } from '../../engine/state/change-set.ts';
import type { ColumnBatch } from '../../engine/vectors/column-vector.ts';
import { VectorBuilder } from '../../engine/vectors/vector-builder.ts';

function column(name: string, kind: ScalarKind, extra: Partial<ColumnDefinition> = {}) {
  return { name, kind, optional: false, list: false, values: [], ...extra };
}

const actionKinds = ['MOVE', 'ATTACK', "BUILD 'FAST'"];

/** A title with every column kind, small enough to see through. */
export const manifest: TitleManifest = {
  format: 1,
  title: 'test-title',
  version: 1,
  tables: [
    {
      name: 'orders',
      kind: 'action',
      columns: [
        column('playerId', 'u32'),
        column('kind', 'enum', { values: actionKinds }),
        column('unitIds', 'u32', { list: true }),
        column('x', 'f32', { optional: true }),
        column('payload', 'json', { optional: true }),
      ],
      key: [],
      indexes: [],
    },
    {
      name: 'facts',
      kind: 'event',
      columns: [
        column('flag', 'bool'),
        column('small', 'i8'),
        column('large', 'i64'),
        column('huge', 'u64', { optional: true }),
        column('ratio', 'f64', { optional: true }),
        column('single', 'f32'),
        column('name', 'string', { optional: true }),
        column('mood', 'enum', { values: ['CALM', 'ANGRY'], optional: true }),
        column('token', 'uuid', { optional: true }),
        column('at', 'timestamp', { optional: true }),
        column('blob', 'bytes', { optional: true }),
        column('maybe', 'bool', { optional: true }),
        column('tags', 'string', { list: true }),
      ],
      key: [],
      indexes: [],
    },
    {
      name: 'units',
      kind: 'state',
      columns: [
        column('sessionId', 'string'),
        column('unitId', 'u32'),
        column('ownerId', 'u32'),
        column('health', 'f32', { optional: true }),
      ],
      key: ['sessionId', 'unitId'],
      indexes: [],
    },
    {
      name: 'profiles',
      kind: 'state',
      columns: [column('playerId', 'u32'), column('rating', 'f64')],
      key: ['playerId'],
      indexes: [],
    },
  ],
  views: [],
  roles: [],
};

export const catalog = new Catalog(manifest);

/** What a tick changed, as rows; every list may be left out. */
export interface Changes {
  readonly lsn: number;
  readonly sessionId?: string;
  readonly tick?: number | null;
  readonly committedAtMs?: number;
  /** With `actionId`; `conflict` is a code or absent. */
  readonly actions?: readonly (Row & { readonly actionId: string })[];
  readonly conflicts?: readonly (string | null)[];
  readonly events?: Readonly<Record<string, readonly Row[]>>;
  readonly states?: Readonly<Record<string, readonly StateChange[]>>;
}

export interface StateChange {
  readonly change: 'inserted' | 'updated' | 'deleted';
  readonly version: number;
  readonly row: Row;
}

export function fabricate(changes: Changes, from: Catalog = catalog): ChangeSet {
  const { lsn, sessionId = 's1', tick = lsn, committedAtMs = 1_700_000_000_000 + lsn } = changes;
  const { actionTable } = from;
  const actionId = column('actionId', 'string');
  return {
    lsn: asLsn(lsn),
    sessionId,
    tick,
    committedAtMs,
    actions: changes.actions
      ? {
          table: actionTable,
          rows: batchOf([actionId, ...actionTable.columns], changes.actions),
          verdicts: Uint8Array.from(changes.actions, (_, i) => verdictOf(changes.conflicts?.[i])),
          accepted: changes.actions.filter((_, i) => !changes.conflicts?.[i]).length,
        }
      : null,
    events: Object.entries(changes.events ?? {}).map(([name, rows]) => ({
      table: from.table(name),
      rows: batchOf(from.table(name).columns, rows),
      seq: Uint32Array.from(rows, (_, i) => i),
    })),
    states: Object.entries(changes.states ?? {}).map(([name, rows]) =>
      stateChanges(from.table(name), rows),
    ),
  };
}

function stateChanges(table: TableDefinition, rows: readonly StateChange[]) {
  const kinds = { inserted: 1, updated: 2, deleted: 3 };
  return {
    table,
    length: rows.length,
    kinds: Uint8Array.from(rows, (row) => kinds[row.change]),
    after: batchOf(
      table.columns,
      rows.map((row) => row.row),
    ),
    versions: Uint32Array.from(rows, (row) => row.version),
    before: (): ColumnBatch => {
      throw new Error('the column store reads no before-images');
    },
  };
}

function verdictOf(conflict: string | null | undefined): number {
  return conflict ? 1 + conflictCodes.indexOf(conflict as (typeof conflictCodes)[number]) : 0;
}

function batchOf(columns: readonly ColumnDefinition[], rows: readonly Row[]): ColumnBatch {
  const vectors = columns.map((definition) => {
    const builder = new VectorBuilder(definition);
    for (const row of rows) builder.push(row[definition.name], () => definition.name);
    return builder.build();
  });
  return { length: rows.length, vectors };
}

/** A tick of `count` plain actions of player `lsn % 8`. */
export function manyActions(lsn: number, count: number, sessionId = 's1'): ChangeSet {
  return fabricate({
    lsn,
    sessionId,
    actions: Array.from({ length: count }, (_, i) => ({
      actionId: `${lsn}-${i}`,
      playerId: lsn % 8,
      kind: actionKinds[i % 3] as string,
      unitIds: [i, i + 1],
      x: i % 2 === 0 ? i / 2 : null,
      payload: null,
    })),
  });
}
