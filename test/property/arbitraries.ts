import fc from 'fast-check';
import type {
  ColumnDefinition,
  Row,
  ScalarKind,
  TableDefinition,
  TitleManifest,
  Value,
  WhereInput,
} from '../../engine/manifest/types.ts';
import type { ActionInput, EffectInput, TickInput } from '../../engine/tick/row-input.ts';

/** Kinds that a random table may have; small value sets, so that keys and guards meet. */
const kinds = ['bool', 'u8', 'i16', 'u32', 'i64', 'u64', 'f32', 'f64', 'string', 'enum'] as const;
type Kind = (typeof kinds)[number];
const keyKinds = ['u8', 'u32', 'i64', 'string', 'enum'] as const;

function column(name: string, kind: ScalarKind, optional = false): ColumnDefinition {
  return { name, kind, optional, list: false, values: kind === 'enum' ? ['A', 'B', 'C'] : [] };
}

/** One action table, one event table, and two state tables, one of them title-wide. */
export function manifestArbitrary(): fc.Arbitrary<TitleManifest> {
  return fc.tuple(stateTable('unit', true), stateTable('shared', false)).map(([unit, shared]) => ({
    format: 1,
    title: 'random',
    version: 1,
    tables: [
      {
        name: 'order',
        kind: 'action',
        columns: [column('player', 'u32'), { ...column('units', 'u32', true), list: true }],
        key: [],
        indexes: [],
      },
      { name: 'ledger', kind: 'event', columns: [column('amount', 'f64')], key: [], indexes: [] },
      unit,
      shared,
    ],
    views: [],
    roles: [],
  }));
}

function stateTable(name: string, ofSession: boolean): fc.Arbitrary<TableDefinition> {
  return fc
    .record({
      keys: fc.array(fc.constantFrom(...keyKinds), { minLength: 1, maxLength: 2 }),
      columns: fc.array(fc.tuple(fc.constantFrom(...kinds), fc.boolean()), {
        minLength: 1,
        maxLength: 6,
      }),
      indexed: fc.nat(5),
    })
    .map(({ keys, columns, indexed }) => {
      const keyColumns = keys.map((kind, i) => column(`k${i}`, kind));
      if (ofSession) keyColumns.unshift(column('sessionId', 'string'));
      const others = columns.map(([kind, optional], i) => column(`c${i}`, kind, optional));
      const on = others[indexed % others.length] as ColumnDefinition;
      return {
        name,
        kind: 'state' as const,
        columns: [...keyColumns, ...others],
        key: keyColumns.map((key) => key.name),
        indexes: [{ name: 'byOne', columns: ofSession ? ['sessionId', on.name] : [on.name] }],
      };
    });
}

function valuesOf(kind: Kind | ScalarKind): fc.Arbitrary<Exclude<Value, null>> {
  switch (kind) {
    case 'bool':
      return fc.boolean();
    case 'u8':
      return fc.constantFrom(0, 1, 255);
    case 'i16':
      return fc.constantFrom(-32_768, -1, 0, 32_767);
    case 'u32':
      return fc.constantFrom(0, 1, 2, 4_294_967_295);
    case 'i64':
      return fc.constantFrom(-(2n ** 63n), -1n, 0n, 2n ** 63n - 1n);
    case 'u64':
      return fc.constantFrom(0n, 1n, 2n ** 64n - 1n);
    case 'f32':
      return fc.constantFrom(0, 0.5, -3, 1e300);
    case 'f64':
      return fc.constantFrom(0, 0.5, -3, 1.7e308);
    case 'enum':
      return fc.constantFrom('A', 'B', 'C');
    default:
      return fc.constantFrom('', 'a', 'ä€😀', 'a longer text than a chunk of the hash');
  }
}

function cell(c: ColumnDefinition): fc.Arbitrary<Value> {
  const value = valuesOf(c.kind);
  return c.optional ? fc.option(value, { nil: null, freq: 3 }) : value;
}

function rowOf(columns: readonly ColumnDefinition[]): fc.Arbitrary<Row> {
  return fc.record(Object.fromEntries(columns.map((c) => [c.name, cell(c)])));
}

function someOf(columns: readonly ColumnDefinition[]): fc.Arbitrary<Row> {
  const cells = Object.fromEntries(columns.map((c) => [c.name, cell(c)]));
  return fc.record(cells, { requiredKeys: [] }) as fc.Arbitrary<Row>;
}

function requireOf(columns: readonly ColumnDefinition[]): fc.Arbitrary<WhereInput | null> {
  const conditions = columns.flatMap((c): fc.Arbitrary<WhereInput>[] => {
    const value = valuesOf(c.kind).filter((v) => v !== 1e300);
    const eq = value.map((v) => ({ [c.name]: { eq: v } }));
    const isNull = fc.boolean().map((v) => ({ [c.name]: { isNull: v } }));
    const within = fc.array(value, { maxLength: 2 }).map((v) => ({ [c.name]: { in: v } }));
    if (c.kind === 'bool' || c.kind === 'enum') return [eq, isNull];
    const gt = value.map((v) => ({ [c.name]: { gt: v } }));
    return [eq, gt, within, isNull, gt.map((inner) => ({ not: inner }))];
  });
  const one = fc.oneof(...conditions);
  return fc.option(
    fc.oneof(
      one,
      fc.tuple(one, one).map(([a, b]) => ({ or: [a, b] })),
    ),
    { freq: 1 },
  );
}

function addendOf(c: ColumnDefinition): fc.Arbitrary<Value> {
  if (c.kind === 'i64' || c.kind === 'u64') return fc.constantFrom(-1n, 1n, 2n ** 62n);
  if (c.kind === 'f32' || c.kind === 'f64') return fc.constantFrom(-0.5, 2, 1e308);
  return fc.constantFrom(-1, 1, 250);
}

function effectOf(table: TableDefinition): fc.Arbitrary<EffectInput> {
  const keys = table.columns.filter((c) => table.key.includes(c.name) && c.name !== 'sessionId');
  const others = table.columns.filter((c) => !table.key.includes(c.name));
  const numeric = others.filter((c) => !['bool', 'string', 'enum'].includes(c.kind));
  const { name } = table;
  const key = rowOf(keys);
  const require = requireOf(others);
  const version = fc.constantFrom(1, 2, 3);
  const addends = Object.fromEntries(numeric.map((c) => [c.name, addendOf(c)]));
  const adds = fc.record(addends, { requiredKeys: [] }) as fc.Arbitrary<Row>;
  return fc.oneof(
    fc.record({
      op: fc.constant('insert' as const),
      table: fc.constant(name),
      row: rowOf([...keys, ...others]),
    }),
    fc.record({
      op: fc.constant('upsert' as const),
      table: fc.constant(name),
      key,
      set: someOf(others),
      require,
    }),
    fc.record({
      op: fc.constant('upsert' as const),
      table: fc.constant(name),
      key,
      set: rowOf(others),
      require,
    }),
    fc.record({
      op: fc.constant('compareAndSet' as const),
      table: fc.constant(name),
      key,
      expectedVersion: version,
      set: someOf(others),
      require,
    }),
    fc.record({
      op: fc.constant('adjust' as const),
      table: fc.constant(name),
      key,
      add: adds,
      require,
    }),
    fc.record({
      op: fc.constant('delete' as const),
      table: fc.constant(name),
      key,
      expectedVersion: fc.option(version),
      require,
    }),
  );
}

export type Step =
  | { readonly kind: 'open'; readonly sessionId: string; readonly takeOver: boolean }
  | { readonly kind: 'restart' }
  | { readonly kind: 'commit'; readonly tick: TickInput };

/** The tick so many before, where there is one. */
function earlier(tick: number, before: number | null): number | null {
  return before === null || before > tick ? null : tick - before;
}

export function ticksArbitrary(manifest: TitleManifest): fc.Arbitrary<Step[]> {
  const effects = fc.oneof(
    ...manifest.tables.filter((t) => t.kind === 'state').map(effectOf),
    fc.record({
      op: fc.constant('append' as const),
      table: fc.constant('ledger'),
      row: fc.record({ amount: fc.constantFrom(1, -0.25, Number.NaN) }),
    }),
  );
  const list = (maxLength: number) => fc.array(effects, { maxLength });
  const actions = fc.array(list(4), { maxLength: 5 }).map((all) =>
    all.map((own, i): ActionInput => {
      return { actionId: `a${i}`, row: { player: i, units: i % 2 ? [i] : null }, effects: own };
    }),
  );
  const commit = fc.record({
    kind: fc.constant('commit' as const),
    tick: fc.record({
      header: fc
        .record({
          sessionId: fc.constantFrom('one', 'two'),
          tick: fc.constantFrom(1, 2, 3, 4, 5, 6, 7, 8, 9),
          fence: fc.constantFrom(null, null, null, 1, 2),
          idempotencyKey: fc.constantFrom(null, null, null, 'k'),
          onConflict: fc.constantFrom('REJECT_ACTION' as const, 'ABORT_TICK' as const),
          before: fc.constantFrom(null, null, null, 1, 2, 3),
        })
        .map(({ before, ...header }) => ({ ...header, afterTick: earlier(header.tick, before) })),
      actions,
      effects: fc.oneof({ weight: 3, arbitrary: fc.constant([]) }, list(2)),
    }),
  });
  const open = fc.record({
    kind: fc.constant('open' as const),
    sessionId: fc.constantFrom('one', 'two'),
    takeOver: fc.constantFrom(false, false, true),
  });
  const step: fc.Arbitrary<Step> = fc.oneof(
    { weight: 12, arbitrary: commit },
    { weight: 1, arbitrary: open },
    { weight: 1, arbitrary: fc.constant({ kind: 'restart' as const }) },
  );
  // Retries: some steps are played again, at once or later.
  return fc
    .tuple(fc.array(step, { minLength: 4, maxLength: 20 }), fc.array(fc.nat(30), { maxLength: 4 }))
    .map(([steps, repeats]) => [
      { kind: 'open' as const, sessionId: 'one', takeOver: false },
      ...steps,
      ...repeats.flatMap((at) => steps[at % steps.length] ?? []),
    ]);
}
