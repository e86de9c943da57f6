import type { Catalog } from '../../model/catalog.ts';
import { plainColumn } from '../../model/plain-column.ts';
import { conflictCodes } from '../../model/system-columns.ts';
import type { ColumnDefinition, TableDefinition } from '../../model/types.ts';
import type {
  ActionChanges,
  ChangeSet,
  EventChanges,
  StateChanges,
} from '../../state/change-set.ts';
import type { AppendedVector } from '../../vectors/growing-vector.ts';
import { storedName } from '../schema-sql.ts';
import {
  constantText,
  constantTimestamp,
  constantU8,
  constantU32,
  constantU64,
  deletedColumn,
  lsnColumn,
  nullU8,
  rowNumbers,
  u8Vector,
  u32Vector,
} from './system-vectors.ts';

/** A ClickHouse table that receives rows, and how a change becomes its columns. */
export interface ShippedTable {
  /** The manifest's table. */
  readonly definition: TableDefinition;
  /** The ClickHouse table that holds the rows. */
  readonly storedName: string;
  /** In the order of `vectors`. */
  readonly columns: readonly ColumnDefinition[];
  /** The change's rows of this table, or null when it has none. */
  vectors(changes: ChangeSet): readonly AppendedVector[] | null;
}

export function shippedTables(catalog: Catalog): ShippedTable[] {
  return [
    shippedActions(catalog.actionTable),
    ...catalog.eventTables.map(shippedEvents),
    ...catalog.stateTables.map(shippedStates),
  ];
}

const eventColumns: readonly ColumnDefinition[] = [
  plainColumn('sessionId', 'string'),
  plainColumn('tick', 'u32'),
  plainColumn('seq', 'u32'),
  plainColumn(lsnColumn, 'u64'),
  plainColumn('committedAt', 'timestamp'),
];

function eventVectors(changes: ChangeSet, seq: AppendedVector): AppendedVector[] {
  const { length } = seq;
  return [
    constantText(changes.sessionId, length),
    constantU32(changes.tick ?? 0, length),
    seq,
    constantU64(changes.lsn, length),
    constantTimestamp(changes.committedAtMs, length),
  ];
}

function shippedActions(definition: TableDefinition): ShippedTable {
  return {
    definition,
    storedName: storedName(definition),
    columns: [
      ...eventColumns,
      plainColumn('accepted', 'u8'),
      plainColumn('conflict', 'u8', true),
      plainColumn('actionId', 'string'),
      ...definition.columns,
    ],
    vectors(changes) {
      const actions = changes.actions;
      if (!actions || actions.rows.length === 0) return null;
      return [
        ...eventVectors(changes, rowNumbers(actions.rows.length)),
        ...verdictVectors(actions),
        ...actions.rows.vectors,
      ];
    },
  };
}

/** `accepted` as 0 or 1; `conflict` as 1 + its index in `conflictCodes`, null when accepted. */
function verdictVectors(actions: ActionChanges): AppendedVector[] {
  const { length } = actions.rows;
  if (actions.accepted === length) return [constantU8(1, length), nullU8(length)];
  const accepted = new Uint8Array(length);
  const validity = new Uint8Array((length + 7) >>> 3);
  for (let i = 0; i < length; i++) {
    const verdict = actions.verdicts[i] as number;
    if (verdict === 0) accepted[i] = 1;
    else if (verdict <= conflictCodes.length) {
      validity[i >>> 3] = (validity[i >>> 3] as number) | (1 << (i & 7));
    } else throw new RangeError(`not a verdict: ${verdict}`);
  }
  return [u8Vector(accepted, length), u8Vector(actions.verdicts, length, validity)];
}

function shippedEvents(definition: TableDefinition): ShippedTable {
  return {
    definition,
    storedName: storedName(definition),
    columns: [...eventColumns, ...definition.columns],
    vectors(changes) {
      const found = changes.events.filter((events) => events.table.name === definition.name);
      return found.length === 0 ? null : joined(found.map((events) => oneEvent(changes, events)));
    },
  };
}

function oneEvent(changes: ChangeSet, events: EventChanges): AppendedVector[] | null {
  const { length } = events.rows;
  if (length === 0) return null;
  return [...eventVectors(changes, u32Vector(events.seq, length)), ...events.rows.vectors];
}

function shippedStates(definition: TableDefinition): ShippedTable {
  return {
    definition,
    storedName: storedName(definition),
    columns: [
      ...definition.columns,
      plainColumn('version', 'u32'),
      plainColumn(lsnColumn, 'u64'),
      plainColumn('committedAt', 'timestamp'),
      plainColumn(deletedColumn, 'u8'),
    ],
    vectors(changes) {
      const found = changes.states.filter((states) => states.table.name === definition.name);
      return found.length === 0 ? null : joined(found.map((states) => oneState(changes, states)));
    },
  };
}

function oneState(changes: ChangeSet, states: StateChanges): AppendedVector[] | null {
  const { length } = states;
  if (length === 0) return null;
  const deleted = new Uint8Array(length);
  for (let i = 0; i < length; i++) if (states.kinds[i] === 3) deleted[i] = 1;
  return [
    ...states.after.vectors,
    u32Vector(states.versions, length),
    constantU64(changes.lsn, length),
    constantTimestamp(changes.committedAtMs, length),
    u8Vector(deleted, length),
  ];
}

/** A change set names a table once; more entries would be a change of that contract. */
function joined(found: (AppendedVector[] | null)[]): AppendedVector[] | null {
  if (found.length > 1) throw new RangeError('a change set names each table once');
  return found[0] ?? null;
}
