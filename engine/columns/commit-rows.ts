import type { TableDefinition } from '../model/types.ts';
import type { ChangeSet } from '../state/change-set.ts';
import type { CommitFacts } from '../state/commit-facts.ts';
import type { ConstantVector } from '../vectors/growing-vector.ts';
import { quoteName } from './queries/sql-text.ts';
import type { ShippedTable } from './shipping/shipped-table.ts';
import {
  constantText,
  constantTimestamp,
  constantU32,
  constantU64,
  lsnColumn,
} from './shipping/system-vectors.ts';

/**
 * Every commit of the title as one row: who, when, at which position, what it wrote and what became
 * of it. It is shipped as the rows of the manifest's tables are, so what the log says of a commit is
 * there once, whatever is killed when. No SQL of a user can name it.
 */
export const commitTable = '_commits';

const optionalText = { kind: 'string', optional: true, list: false, values: [] } as const;
const text = { ...optionalText, optional: false } as const;
const u32 = { ...text, kind: 'u32' } as const;

/** Names of tables and columns stand behind one another: none has a comma. */
export const shippedCommits: ShippedTable = {
  definition: named(commitTable),
  storedName: commitTable,
  columns: [
    { ...text, name: lsnColumn, kind: 'u64' },
    { ...text, name: 'committedAt', kind: 'timestamp' },
    { ...text, name: 'sessionId' },
    { ...u32, name: 'tick', optional: true },
    { ...text, name: 'outcome' },
    { ...optionalText, name: 'code' },
    { ...optionalText, name: 'subject' },
    { ...optionalText, name: 'role' },
    { ...optionalText, name: 'address' },
    { ...optionalText, name: 'client' },
    { ...text, name: 'tableNames' },
    { ...text, name: 'columnNames' },
    { ...text, name: 'rowsWritten', kind: 'u64' },
    { ...u32, name: 'accepted' },
    { ...u32, name: 'rejected' },
  ],
  vectors(changes) {
    const { commit } = changes;
    return commit === null || commit === undefined ? null : vectorsOf(changes, commit);
  },
};

function vectorsOf(changes: ChangeSet, commit: CommitFacts): ConstantVector[] {
  const { by, tick } = commit;
  const { tables, rows } = written(changes);
  return [
    constantU64(changes.lsn, 1),
    constantTimestamp(changes.committedAtMs, 1),
    constantText(changes.sessionId, 1),
    tick === null ? nullU32 : constantU32(tick, 1),
    constantText(commit.outcome, 1),
    textOrNull(commit.code),
    textOrNull(by?.subject),
    textOrNull(by?.role),
    textOrNull(by?.address),
    textOrNull(by?.client),
    constantText(tables.join(), 1),
    constantText(commit.columns.join(), 1),
    constantU64(rows, 1),
    constantU32(commit.accepted, 1),
    constantU32(commit.rejected, 1),
  ];
}

function written({ actions, events, states }: ChangeSet): { tables: string[]; rows: number } {
  const tables: string[] = [];
  let rows = 0;
  const add = (name: string, count: number) => {
    if (count === 0) return;
    tables.push(name);
    rows += count;
  };
  if (actions) add(actions.table.name, actions.rows.length);
  for (const event of events) add(event.table.name, event.rows.length);
  for (const state of states) add(state.table.name, state.length);
  return { tables, rows };
}

const nullU32: ConstantVector = {
  layout: 'constant',
  length: 1,
  bytes: new Uint8Array(4),
  isNull: true,
};
const nullText: ConstantVector = { ...nullU32, bytes: new Uint8Array(0) };

function textOrNull(value: string | null | undefined): ConstantVector {
  return value === null || value === undefined ? nullText : constantText(value, 1);
}

function named(name: string): TableDefinition {
  return { name, kind: 'event', columns: [], key: [], indexes: [] };
}

/**
 * The columns of commits as SQL, by the names under which they are listed with what else was done.
 * In the order of time, so that the newest are found without reading the others.
 */
export const commitColumns: ReadonlyMap<string, string> = new Map([
  ['source', "'log'"],
  ['sequence', quoteName(lsnColumn)],
  ['at', 'committedAt'],
  ['action', "if(tick IS NULL, 'row.compareAndSet', 'tick.commit')"],
  ['outcome', 'outcome'],
  ['code', 'code'],
  ['subject', 'subject'],
  ['role', 'role'],
  ['address', 'address'],
  ['client', 'client'],
  ['session', 'sessionId'],
  ['tick', 'tick'],
  ['table', "if(tableNames = '' OR position(tableNames, ',') > 0, NULL, tableNames)"],
  ['tables', "if(tableNames = '', [], splitByChar(',', tableNames))"],
  ['columns', "if(columnNames = '', [], splitByChar(',', columnNames))"],
  ['lsn', quoteName(lsnColumn)],
  ['rowsWritten', 'rowsWritten'],
  ['accepted', 'accepted'],
  ['rejected', 'rejected'],
  ['times', '1'],
]);
