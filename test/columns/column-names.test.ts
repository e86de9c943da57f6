import { tableFromIPC } from 'apache-arrow';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { GroupAggregate } from '../../engine/columns/column-queries.ts';
import type { OpenColumnStore } from '../../engine/columns/open-column-store.ts';
import { columnNameProblem } from '../../engine/manifest/names.ts';
import { validateManifest } from '../../engine/manifest/validate.ts';
import { Catalog } from '../../engine/model/catalog.ts';
import { asLsn } from '../../engine/model/position.ts';
import type {
  ColumnDefinition,
  Row,
  ScalarKind,
  TableDefinition,
  TitleManifest,
  Value,
} from '../../engine/model/types.ts';
import { parseWhere } from '../../engine/query/parse-where.ts';
import { rowPredicate } from '../../engine/query/row-predicate.ts';
import { testTicket } from '../ticket.ts';
import { fabricate } from './fabricate.ts';
import { naiveGroups, naiveList } from './naive-queries.ts';
import { SeededRandom } from './random.ts';
import { bounds, openEmbedded, ship, temporaryDirectory } from './stores.ts';

/**
 * A manifest of tables whose columns have the names most likely to be taken for something else:
 * those this room's SQL gave once, ClickHouse's functions, keywords, literals and virtual columns,
 * names of the tables, and names of another kind of table's system columns.
 */
const seed = Number(process.env.TICKLOOM_TEST_SEED ?? Math.floor(Math.random() * 2 ** 31));
const random = new SeededRandom(seed);

const nastyNames = [
  ...['c0', 'c1', 'c2', 'c5', 'c9', 'c11', 'k0', 'k1', 'n', 'a0', 'a1', 'a3', 'x', 'p1', 'p2'],
  ...['lsn', 'lsnRange', 'deleted', 'shipped', 'shard', 'tables', 'history', 'item', 'explain'],
  ...['sum', 'min', 'any', 'avg', 'if', 'file', 'url', 'now', 'rand', 'hex', 'concat', 'like'],
  ...['intDiv', 'arrayMap', 'toInt128', 'isFinite', 'uniqExact', 'database', 'user', 'length'],
  ...['select', 'from', 'where', 'order', 'group', 'by', 'limit', 'format', 'settings', 'final'],
  ...['as', 'array', 'global', 'join', 'on', 'using', 'with', 'union', 'all', 'distinct', 'case'],
  ...['interval', 'in', 'is', 'between', 'exists', 'desc', 'asc', 'nulls', 'default', 'values'],
  ...['date', 'timestamp', 'string', 'tuple', 'system', 'sample', 'prewhere', 'end'],
  ...['part', 'partition', 'rowNumber', 'nodes', 'cursor', 'key', 'index', 'column', 'offset'],
  ...['version', 'accepted', 'conflict', 'actionId', 'evs', 'live', 'moves', 'evsHistory', 'size0'],
  ...['e', 'e1', 'z9', 'utf8', 'enum16', 'xX', 'i64', 'nullable', 'lowCardinality'],
];

const kinds: readonly ScalarKind[] = [
  ...(['bool', 'i8', 'u32', 'i64', 'u64', 'f32', 'f64', 'string'] as const),
  ...(['enum', 'uuid', 'timestamp', 'json', 'bytes'] as const),
];
const enumValues = ['ONE', 'TWO', 'THREE'];

function column(name: string, kind: ScalarKind, list: boolean, optional: boolean) {
  return { name, kind, optional, list, values: kind === 'enum' ? enumValues : [] };
}

/** Six to nine columns with names of the list, of random kinds. */
function randomColumns(kind: TableDefinition['kind'], taken: readonly string[]) {
  const names = new Map<string, string>();
  while (names.size < 6 + random.below(4)) {
    const name = random.pick(nastyNames);
    if (taken.includes(name) || columnNameProblem(name, kind) !== null) continue;
    names.set(name.toLowerCase(), name);
  }
  return [...names.values()].map((name): ColumnDefinition => {
    const scalar = random.pick(kinds);
    const list = kind !== 'state' && scalar !== 'json' && random.below(6) === 0;
    return column(name, scalar, list, !list && random.below(3) === 0);
  });
}

function table(name: string, kind: TableDefinition['kind']): TableDefinition {
  const key =
    kind === 'state'
      ? [
          column('sessionId', 'string', false, false),
          column(`c${random.below(3)}`, 'u32', false, false),
        ]
      : [];
  const keyNames = key.map((part) => part.name);
  const columns = [...key, ...randomColumns(kind, keyNames)];
  return { name, kind, columns, key: keyNames, indexes: [] };
}

/** Random tables are drawn until a manifest may have them: an enum's GraphQL type may have another's name. */
function randomManifest(): TitleManifest {
  for (;;) {
    const tables = [
      table('moves', 'action'),
      table('evs', 'event'),
      table('sum', 'event'),
      table('select', 'event'),
      table('live', 'state'),
      table('final', 'state'),
    ];
    try {
      return validateManifest({
        format: 1,
        title: 'names',
        version: 1,
        tables,
        views: [],
        roles: [],
      });
    } catch (error) {
      if (!/its GraphQL name "\w+" is taken/.test(String(error))) throw error;
    }
  }
}

const manifest = randomManifest();
const { tables } = manifest;
const catalog = new Catalog(manifest);
const others = tables.filter((one) => one.kind !== 'action').map((one) => one.name);

function randomValue({ kind, list, optional }: ColumnDefinition): Value {
  const one = () => {
    const n = random.below(4);
    switch (kind) {
      case 'bool':
        return n % 2 === 0;
      case 'i64':
      case 'u64':
        return BigInt(n);
      case 'f32':
      case 'f64':
        return n / 2;
      case 'enum':
        return enumValues[n % 3] as string;
      case 'uuid':
        return `123e4567-e89b-12d3-a456-42661417400${n}`;
      case 'timestamp':
        return 1_700_000_000_000 + n;
      case 'json':
        return `{"n":${n}}`;
      case 'bytes':
        return Uint8Array.of(n, 255);
      case 'string':
        return `c${n}`;
      default:
        return n;
    }
  };
  if (list) return Array.from({ length: random.below(3) }, one);
  return optional && random.below(4) === 0 ? null : one();
}

const directory = temporaryDirectory();
let store: OpenColumnStore;
const rows = new Map<string, Row[]>(others.map((name) => [name, []]));
/** Few enough that positions are ordered as their text is. */
const ticks = 9;

beforeAll(async () => {
  store = await openEmbedded(directory.path, { catalog });
  const changes = [];
  for (let lsn = 1; lsn <= ticks; lsn++) {
    const sessionId = `s${lsn % 2}`;
    const system = { position: `0:${lsn}`, committedAt: 1_700_000_000_000 + lsn };
    const events: Record<string, Row[]> = {};
    const states: Record<string, { change: 'inserted' | 'updated'; version: number; row: Row }[]> =
      {};
    for (const name of others) {
      const { columns, kind, key } = catalog.table(name);
      const known = rows.get(name) as Row[];
      const fresh = Array.from({ length: kind === 'state' ? 1 : 4 }, () =>
        Object.fromEntries(columns.map((each) => [each.name, randomValue(each)])),
      );
      if (kind === 'event') {
        events[name] = fresh;
        for (const [seq, row] of fresh.entries()) {
          known.push({ ...row, sessionId, tick: lsn, seq, ...system });
        }
        continue;
      }
      const row: Row = { ...fresh[0], sessionId };
      const same = known.findIndex((old) => key.every((part) => old[part] === row[part]));
      const version = same < 0 ? 1 : Number(known[same]?.version) + 1;
      if (same >= 0) known.splice(same, 1);
      known.push({ ...row, version, ...system });
      states[name] = [{ change: same < 0 ? 'inserted' : 'updated', version, row }];
    }
    changes.push(fabricate({ lsn, sessionId, events, states }, catalog));
  }
  await ship(store, changes);
});
afterAll(async () => {
  await store.close();
  directory.remove();
});

const columnsOf = (name: string) => [...catalog.columnsOf(catalog.table(name)).values()];
const hasOrder = (each: ColumnDefinition) => !each.list && each.kind !== 'json';

/** A condition of each column that some rows fulfil. */
function conditionsOf(name: string): { readonly [column: string]: unknown }[] {
  return columnsOf(name).flatMap((each): { readonly [column: string]: unknown }[] => {
    if (each.list || each.kind === 'json') return [{ [each.name]: { isNull: false } }];
    const value = (rows.get(name) ?? []).map((row) => row[each.name]).find((v) => v !== null);
    if (value === undefined) return [{ [each.name]: { isNull: true } }];
    return [{ [each.name]: { eq: value } }, { [each.name]: { in: [value] } }];
  });
}

function matching(name: string, condition: unknown) {
  const where = parseWhere(catalog.columnsOf(catalog.table(name)), condition, 'where');
  return { where, expected: (rows.get(name) ?? []).filter(rowPredicate(where)) };
}

const inRows = (values: readonly unknown[]) => values.map((value) => show(value)).sort();
const show = (value: unknown) =>
  JSON.stringify(value, (_, part) =>
    typeof part === 'bigint' ? `${part}n` : part instanceof Uint8Array ? [...part] : part,
  );

describe(`columns whose names mean something elsewhere (seed ${seed})`, () => {
  it.each(others)('are themselves in lists, conditions and orders: %s', async (name) => {
    for (const condition of [{}, ...conditionsOf(name)]) {
      const { where, expected } = matching(name, condition);
      const page = { table: name, where, orderBy: [], first: 100, after: null, bounds };
      const { rows: listed } = await store.list(testTicket, page);
      expect(listed, show(condition)).toEqual(naiveList(catalog, name, expected, []));
    }
    for (const { name: by } of columnsOf(name).filter(hasOrder)) {
      const orderBy = [{ column: by, direction: 'DESC' }] as const;
      const page = { table: name, where: null, orderBy, first: 7, bounds };
      const first = await store.list(testTicket, { ...page, after: null });
      const second = await store.list(testTicket, { ...page, after: first.endCursor });
      const expected = naiveList(catalog, name, rows.get(name) ?? [], orderBy);
      expect([...first.rows, ...second.rows], by).toEqual(expected.slice(0, 14));
    }
  });

  it.each(others)('are themselves in groups: %s', async (name) => {
    const numbers = columnsOf(name).filter(({ kind, list }) => /^[iuf]\d+$/.test(kind) && !list);
    const aggregates = numbers.flatMap(({ name: of }): GroupAggregate[] => [
      { op: 'sum', column: of },
      { op: 'avg', column: of },
      { op: 'max', column: of },
      { op: 'quantile', column: of, q: 0.5 },
      { op: 'countDistinct', column: of },
    ]);
    for (const by of columnsOf(name).filter(hasOrder)) {
      const { where } = matching(name, random.pick(conditionsOf(name)));
      const request = {
        table: name,
        where,
        by: [by.name],
        tickBucket: null,
        aggregates,
        orderBy: [],
        first: 100,
        bounds,
      };
      const { groups } = await store.groups(testTicket, request);
      const members = (rows.get(name) ?? []).filter(rowPredicate(where));
      expect(groups, by.name).toEqual(naiveGroups(catalog, members, request));
    }
  });

  it.each(others)('are themselves in exports: %s', async (name) => {
    for (const condition of [{}, ...conditionsOf(name)]) {
      const { where, expected } = matching(name, condition);
      const chunks: Uint8Array[] = [];
      for await (const chunk of await store.export(testTicket, {
        source: { kind: 'table', table: name, where, columns: null },
        format: 'ARROW_STREAM',
        compression: 'NONE',
        sinceLsn: null,
        asOfLsn: asLsn(ticks),
      })) {
        chunks.push(chunk);
      }
      const arrow = tableFromIPC(Buffer.concat(chunks));
      expect(arrow.schema.fields.map((field) => field.name)).toEqual(
        columnsOf(name).map((each) => each.name),
      );
      for (const each of columnsOf(name)) {
        const values = [...(arrow.getChild(each.name) ?? [])].map((value) =>
          each.list ? [...value] : value,
        );
        const wanted = expected.map((row) => row[each.name] ?? null);
        expect(inRows(values), `${each.name} where ${show(condition)}`).toEqual(inRows(wanted));
      }
    }
  });

  it.each(others)('are themselves in SQL, quoted: %s', async (name) => {
    for (const each of columnsOf(name).filter(hasOrder)) {
      const { rows: answer } = await store.sql(
        testTicket,
        `SELECT t.\`${each.name}\`, count() FROM \`${name}\` AS t GROUP BY t.\`${each.name}\``,
        {},
        100,
        bounds,
        'whole',
      );
      const distinct = new Set((rows.get(name) ?? []).map((row) => show(row[each.name])));
      expect(answer.length, each.name).toBe(distinct.size);
      expect(answer.reduce((sum, row) => sum + Number(row[1]), 0)).toBe(rows.get(name)?.length);
    }
  });
});
