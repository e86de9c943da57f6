import {
  type DataType,
  type RecordBatch,
  RecordBatchReader,
  type Schema,
  Type,
} from 'apache-arrow';

/** A request to the commit endpoint, whoever received it. */
export interface CommitRequest {
  readonly path: string;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: Uint8Array;
}

type Row = Record<string, unknown>;

/** A tick as the SDK sent it, put back into the rows that `CommitTickInput` has of it. */
export interface WireTick {
  readonly sessionId: string;
  readonly tick: number;
  readonly fence: number;
  readonly afterTick?: number;
  readonly onConflict?: string;
  readonly idempotencyKey?: string;
  readonly actions: readonly (Row & { readonly effects: Row[] })[];
  readonly effects: Row[];
}

const commitPath = /\/sessions\/([^/]+)\/ticks\/(\d+)$/;

/** Whether the request commits a tick by the commit endpoint. */
export function isCommit(path: string): boolean {
  return commitPath.test(path);
}

/**
 * Reads the request with `apache-arrow`. `keys`: the key columns of each table, which a stream does
 * not tell apart from those it sets.
 */
export function readWireTick(
  { path, headers, body }: CommitRequest,
  keys: Readonly<Record<string, readonly string[]>> = ashfallKeys,
): WireTick {
  const [, sessionId = '', tick = ''] = commitPath.exec(path) ?? [];
  const header = (name: string, field: string, convert: (text: string) => unknown) => {
    const text = headers[name];
    return typeof text === 'string' ? { [field]: convert(text) } : {};
  };
  let actions: (Row & { effects: Row[] })[] = [];
  const effects: Row[] = [];
  for (const reader of RecordBatchReader.readAll(body)) {
    const { schema } = reader.open();
    const table = schema.metadata.get('tickloom.table') ?? '';
    const op = schema.metadata.get('tickloom.op') ?? '';
    for (const batch of reader as Iterable<RecordBatch>) {
      for (let row = 0; row < batch.numRows; row += 1) {
        const cells = cellsOf(schema, batch, row);
        if (op === 'actions') {
          actions = [...actions, { ...presentIn(cells), effects: [] }];
          continue;
        }
        const { action = null, ...rest } = cells;
        const operation = operationOf(schema, op, rest, keys[table] ?? []);
        const owner = action === null ? effects : actions[action as number]?.effects;
        if (!owner) throw new RangeError(`there is no action ${action}`);
        owner.push({ [table]: { [op]: operation } });
      }
    }
  }
  return {
    sessionId: decodeURIComponent(sessionId),
    tick: Number(tick),
    fence: Number(headers['x-tickloom-fence']),
    ...header('x-tickloom-after-tick', 'afterTick', Number),
    ...header('x-tickloom-on-conflict', 'onConflict', String),
    ...header('idempotency-key', 'idempotencyKey', String),
    actions,
    effects,
  };
}

const ashfallKeys = {
  unitState: ['unitId'],
  playerWallet: ['playerId', 'resource'],
  playerProfile: ['playerId'],
};

/** Without what an effect has no value of. */
function presentIn(cells: Row): Row {
  return Object.fromEntries(Object.entries(cells).filter(([, value]) => value !== null));
}

function operationOf(schema: Schema, op: string, cells: Row, key: readonly string[]): Row {
  if (op === 'append' || op === 'insert') return presentIn(cells);
  const operation: { [part: string]: unknown; key: Row } = { key: {} };
  const changed: Row = {};
  const require: Record<string, Row> = JSON.parse(schema.metadata.get('tickloom.require') ?? '{}');
  for (const [name, value] of Object.entries(cells)) {
    const [, column = '', comparison = ''] = /^require\.(\w+)\.(\w+)$/.exec(name) ?? [];
    if (column !== '') require[column] = { ...require[column], [comparison]: value };
    else if (name === 'expectedVersion') operation.expectedVersion = value;
    else if (key.includes(name)) operation.key[name] = value;
    else changed[name] = value;
  }
  if (Object.keys(require).length > 0) operation.require = require;
  if (op === 'adjust') operation.add = changed;
  else if (op !== 'delete') operation.set = changed;
  return operation;
}

function cellsOf(schema: Schema, batch: RecordBatch, row: number): Row {
  return Object.fromEntries(
    schema.fields.map(({ name, type }) => {
      const value: unknown = batch.getChild(name)?.get(row) ?? null;
      return [name, value === null ? null : cellOf(name, type, value)];
    }),
  );
}

/** JSON columns of `ashfall`, which are texts in Arrow. */
const jsonColumns = new Set(['payload', 'data']);

function cellOf(name: string, type: DataType, value: unknown): unknown {
  if (jsonColumns.has(name)) return JSON.parse(value as string);
  if (type.typeId === Type.List) return [...(value as Iterable<unknown>)];
  return typeof value === 'bigint' ? String(value) : value;
}
