import fc from 'fast-check';
import type { ActionInput, EffectInput, TickInput } from '../../engine/intake/rows/row-input.ts';
import { isNumeric, kindOf } from '../../engine/model/kinds.ts';
import type {
  ColumnDefinition,
  Row,
  Scalar,
  ScalarKind,
  TableDefinition,
  TitleManifest,
  Value,
  WhereInput,
} from '../../engine/model/types.ts';
import { isRepresentable } from './naive-model.ts';

/** Kinds that a random table may have. */
export const kinds = [
  'bool',
  'u8',
  'i16',
  'u32',
  'i64',
  'u64',
  'f32',
  'f64',
  'string',
  'enum',
  'vec3',
] as const;
export type Kind = (typeof kinds)[number];
const keyKinds = ['u8', 'u32', 'i64', 'string', 'enum'] as const;

function column(name: string, kind: ScalarKind, optional = false): ColumnDefinition {
  return { name, kind, optional, list: false, values: kind === 'enum' ? ['A', 'B', 'C'] : [] };
}

/** One action table, one event table, and two state tables, one of them title-wide. */
export function manifestArbitrary(among: readonly Kind[] = kinds): fc.Arbitrary<TitleManifest> {
  return fc
    .tuple(stateTable('unit', true, among), stateTable('shared', false, among))
    .map(([unit, shared]) => ({
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

function stateTable(
  name: string,
  ofSession: boolean,
  among: readonly Kind[],
): fc.Arbitrary<TableDefinition> {
  return fc
    .record({
      keys: fc.array(fc.constantFrom(...keyKinds), { minLength: 1, maxLength: 2 }),
      columns: fc.array(fc.tuple(fc.constantFrom(...among), fc.boolean()), {
        minLength: 1,
        maxLength: 6,
      }),
      indexed: fc.array(fc.nat(5), { minLength: 1, maxLength: 2 }),
    })
    .map(({ keys, columns, indexed }) => {
      const keyColumns = keys.map((kind, i) => column(`k${i}`, kind));
      if (ofSession) keyColumns.unshift(column('sessionId', 'string'));
      const others = columns.map(([kind, optional], i) => column(`c${i}`, kind, optional));
      const exact = others.filter((c) => kindOf(c).identityProblem === null);
      const on = new Set(indexed.flatMap((i) => exact[i % exact.length]?.name ?? []));
      return {
        name,
        kind: 'state' as const,
        columns: [...keyColumns, ...others],
        key: keyColumns.map((key) => key.name),
        indexes:
          on.size === 0
            ? []
            : [{ name: 'by', columns: [...(ofSession ? ['sessionId'] : []), ...on] }],
      };
    });
}

/** Few of each kind, so that they meet; ends of ranges among them. */
export const valuesOf: { readonly [kind in Kind]: readonly Scalar[] } = {
  bool: [false, true],
  u8: [0, 1, 255],
  i16: [-32_768, -1, 0, 32_767],
  u32: [0, 1, 2, 4_294_967_295],
  i64: [-(2n ** 63n), -1n, 0n, 2n ** 63n - 1n],
  u64: [0n, 1n, 2n ** 64n - 1n],
  f32: [0, -0, 0.5, -3, 1e300],
  f64: [0, -0, 0.5, -3, 1.7e308],
  enum: ['A', 'B', 'C'],
  string: ['', 'a', 'ä€😀', 'a longer text than a chunk of the hash'],
  vec3: [
    { x: 0, y: 0, z: 0 },
    { x: 0.5, y: -0, z: -3 },
    { x: -3, y: 1e300, z: 0 },
  ],
};

function someValue(c: ColumnDefinition): fc.Arbitrary<Scalar> {
  return fc.constantFrom(...valuesOf[c.kind as Kind]);
}

function cell(c: ColumnDefinition): fc.Arbitrary<Value> {
  const isFloat = c.kind === 'f32' || c.kind === 'f64';
  const value = isFloat ? fc.constantFrom(...valuesOf[c.kind], Number.NaN) : someValue(c);
  return c.optional ? fc.option(value, { nil: null, freq: 3 }) : value;
}

function rowOf(columns: readonly ColumnDefinition[]): fc.Arbitrary<Row> {
  return fc.record(Object.fromEntries(columns.map((c) => [c.name, cell(c)])));
}

/** Two values a column, mostly the first: effects are to meet on few rows. */
function keyOf(columns: readonly ColumnDefinition[]): fc.Arbitrary<Row> {
  const cells = columns.map((c) => {
    const [first, second] = valuesOf[c.kind as Kind];
    return [c.name, fc.constantFrom(first, first, first, second)];
  });
  return fc.record(Object.fromEntries(cells));
}

function someOf(columns: readonly ColumnDefinition[]): fc.Arbitrary<Row> {
  const cells = Object.fromEntries(columns.map((c) => [c.name, cell(c)]));
  return fc.record(cells, { requiredKeys: [] }) as fc.Arbitrary<Row>;
}

function requireOf(columns: readonly ColumnDefinition[]): fc.Arbitrary<WhereInput | null> {
  const conditions = columns.flatMap((c): fc.Arbitrary<WhereInput>[] => {
    if (c.kind === 'vec3') return requireOfParts(c);
    const value = someValue(c).filter((v) => v !== 1e300);
    const eq = value.map((v) => ({ [c.name]: { eq: v } }));
    const isNull = fc.boolean().map((v) => ({ [c.name]: { isNull: v } }));
    const within = fc.array(value, { maxLength: 2 }).map((v) => ({ [c.name]: { in: v } }));
    if (c.kind === 'bool' || c.kind === 'enum') return [eq, isNull];
    const gt = value.map((v) => ({ [c.name]: { gt: v } }));
    return [eq, gt, within, isNull, gt.map((inner) => ({ not: inner }))];
  });
  const one = fc.oneof(...conditions);
  const either = fc.tuple(one, one).map(([a, b]) => ({ or: [a, b] }));
  return fc.oneof(
    { weight: 2, arbitrary: fc.constant(null) },
    { weight: 1, arbitrary: one },
    { weight: 1, arbitrary: either },
  );
}

function requireOfParts({ name }: ColumnDefinition): fc.Arbitrary<WhereInput>[] {
  const operand = fc.constantFrom(0, -0, 0.5, -3);
  const part = fc.constantFrom('x', 'y', 'z');
  const on = (op: string) =>
    fc.tuple(part, operand).map(([p, v]) => ({ [name]: { [p]: { [op]: v } } }));
  return [
    on('eq'),
    on('gt'),
    fc.tuple(on('lt'), on('ne')).map(([a, b]) => ({ not: { and: [a, b] } })),
    fc.boolean().map((isNull) => ({ [name]: { isNull } })),
  ];
}

/** What is added, more often than not little enough for the sum to fit. */
function addendsOf({ kind }: ColumnDefinition): readonly Scalar[] {
  if (kind === 'vec3') return [{ x: 2 }, { y: -0.5, z: 2 }, { x: 1, y: 1, z: 1 }, { z: 3e38 }];
  if (kind === 'i64' || kind === 'u64') return [1n, -1n, 1n, 2n ** 62n];
  if (kind === 'f32' || kind === 'f64') return [2, -0.5, 2, 1e308];
  return [1, -1, 1, 250];
}

/** A condition on the sums of an adjust: operands are what some of them come to. */
function requireOnSums(numeric: readonly ColumnDefinition[]): fc.Arbitrary<WhereInput | null> {
  const conditions = numeric.map((c): fc.Arbitrary<WhereInput> => {
    const [first, second] = addendsOf(c) as readonly (number | bigint)[];
    const sums = valuesOf[c.kind as Kind].flatMap((value) => {
      return [first, second].map((addend) =>
        typeof value === 'bigint' ? value + BigInt(addend ?? 0) : Number(value) + Number(addend),
      );
    });
    const near = sums.filter((sum) => isRepresentable({ columns: [c] }, { [c.name]: sum }));
    return fc
      .tuple(fc.constantFrom('eq', 'ne', 'lt', 'gte'), fc.constantFrom(...near))
      .map(([op, sum]) => ({ [c.name]: { [op]: sum } }));
  });
  if (conditions.length === 0) return fc.constant(null);
  return fc.option(fc.oneof(...conditions), { freq: 3 });
}

/** The columns of an effect: those of the key it gives, and the others. */
function columnsOf({ columns, key }: TableDefinition) {
  return {
    keys: columns.filter((c) => key.includes(c.name) && c.name !== 'sessionId'),
    others: columns.filter((c) => !key.includes(c.name)),
  };
}

function insertOf(table: TableDefinition): fc.Arbitrary<EffectInput> {
  const { keys, others } = columnsOf(table);
  return fc.record({
    op: fc.constant('insert' as const),
    table: fc.constant(table.name),
    row: fc.tuple(keyOf(keys), rowOf(others)).map(([id, cells]) => ({ ...id, ...cells })),
  });
}

function effectOf(table: TableDefinition): fc.Arbitrary<EffectInput> {
  const { keys, others } = columnsOf(table);
  const numeric = others.filter((c) => !['bool', 'string', 'enum'].includes(c.kind));
  const { name } = table;
  const key = keyOf(keys);
  const require = requireOf(others);
  const version = fc.constantFrom(1, 1, 1, 1, 2, 3);
  const addends = Object.fromEntries(
    numeric.map((c) => [c.name, fc.constantFrom(...addendsOf(c))]),
  );
  const adds = fc.record(addends, { requiredKeys: [] }) as fc.Arbitrary<Row>;
  return fc.oneof(
    insertOf(table),
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
      set: fc.oneof(someOf(others), rowOf(others)),
      require,
    }),
    fc.record({
      op: fc.constant('compareAndSet' as const),
      table: fc.constant(name),
      key,
      expectedVersion: fc.constant(1),
      set: rowOf(others),
      require,
    }),
    fc.record({
      op: fc.constant('adjust' as const),
      table: fc.constant(name),
      key,
      add: adds,
      require: requireOnSums(numeric.filter(isNumeric)),
    }),
    fc.record({
      op: fc.constant('delete' as const),
      table: fc.constant(name),
      key,
      expectedVersion: fc.option(version, { freq: 2 }),
      require,
    }),
  );
}

export const sessionIds = ['one', 'two'] as const;

export type Step =
  | { readonly kind: 'open'; readonly sessionId: string; readonly takeOver: boolean }
  | { readonly kind: 'close'; readonly sessionId: string; readonly fence: number | null }
  | { readonly kind: 'restart' }
  /** One of the commits so far again, by whoever may write now. */
  | { readonly kind: 'retry'; readonly of: number }
  | { readonly kind: 'commit'; readonly tick: TickInput };

const plainHeader = {
  fence: null,
  idempotencyKey: null,
  onConflict: 'REJECT_ACTION',
  afterTick: null,
} as const;

/** The tick so many before, where there is one. */
function earlier(tick: number, before: number | null): number | null {
  return before === null || before > tick ? null : tick - before;
}

export function ticksArbitrary(manifest: TitleManifest): fc.Arbitrary<Step[]> {
  const stateTables = manifest.tables.filter((t) => t.kind === 'state');
  const append = fc.record({
    op: fc.constant('append' as const),
    table: fc.constant('ledger'),
    row: fc.record({ amount: fc.constantFrom(1, -0.25, Number.NaN) }),
  });
  const effects = fc.oneof(
    ...stateTables.map((table) => ({ weight: 4, arbitrary: effectOf(table) })),
    { weight: 1, arbitrary: append },
  );
  const list = (maxLength: number) => fc.array(effects, { maxLength });
  const row = fc.record({
    player: fc.nat(2),
    units: fc.option(fc.array(fc.nat(2), { maxLength: 2 }), { freq: 2 }),
  });
  const actions = fc
    .array(fc.record({ row, effects: list(4) }), { maxLength: 5 })
    .map((all) => all.map((action, i): ActionInput => ({ actionId: `a${i}`, ...action })));
  const commit = fc.record({
    kind: fc.constant('commit' as const),
    tick: fc.record({
      header: fc.record({
        sessionId: fc.constantFrom('one', 'one', 'one', 'two'),
        /** Until the steps are in a row: how far from the step's place. */
        tick: fc.constantFrom(0, 0, 0, 0, 1, -2),
        fence: fc.constantFrom(null, null, null, null, null, null, 1, 2, 2),
        idempotencyKey: fc.constantFrom(null, null, null, null, null, 'k', 'k', 'l'),
        onConflict: fc.constantFrom('REJECT_ACTION' as const, 'ABORT_TICK' as const),
        /** Until then: how far before the tick. */
        afterTick: fc.constantFrom(null, null, null, null, 1, 2),
      }),
      actions,
      effects: fc.oneof({ weight: 3, arbitrary: fc.constant([]) }, list(2)),
    }),
  });
  const direct = (sessionId: fc.Arbitrary<string>, tables: readonly TableDefinition[]) =>
    fc.record({
      kind: fc.constant('commit' as const),
      tick: fc.record({
        header: fc.record({
          sessionId,
          tick: fc.constant(null),
          fence: fc.constant(null),
          idempotencyKey: fc.constantFrom(null, null, 'k', 'k', 'l'),
          onConflict: fc.constant('ABORT_TICK' as const),
          afterTick: fc.constant(null),
        }),
        actions: fc.constant([]),
        effects: fc.array(fc.oneof(...tables.map(effectOf)), { minLength: 1, maxLength: 2 }),
      }),
    });
  const titleWide = stateTables.filter((table) => !table.key.includes('sessionId'));
  const close = fc.record({
    kind: fc.constant('close' as const),
    sessionId: fc.constantFrom(...sessionIds),
    fence: fc.constantFrom(null, 1, 2),
  });
  const open = fc.record({
    kind: fc.constant('open' as const),
    sessionId: fc.constantFrom(...sessionIds),
    takeOver: fc.constantFrom(false, false, false, true),
  });
  const step: fc.Arbitrary<Step> = fc.oneof(
    { weight: 12, arbitrary: commit },
    { weight: 2, arbitrary: direct(fc.constantFrom(...sessionIds), stateTables) },
    { weight: 1, arbitrary: direct(fc.constant(''), titleWide) },
    { weight: 2, arbitrary: open },
    { weight: 1, arbitrary: close },
    { weight: 1, arbitrary: fc.constant({ kind: 'restart' as const }) },
  );
  const ending = fc
    .record({
      isTakenOver: fc.boolean(),
      isRestarted: fc.boolean(),
      retried: fc.array(fc.nat(30), { minLength: 1, maxLength: 4 }),
    })
    .map(({ isTakenOver, isRestarted, retried }): Step[] => [
      { kind: 'close', sessionId: 'one', fence: null },
      ...(isTakenOver ? [{ kind: 'open', sessionId: 'one', takeOver: true } as const] : []),
      ...(isRestarted ? [{ kind: 'restart' } as const] : []),
      ...retried.map((of) => ({ kind: 'retry', of }) as const),
    ]);
  // Rows for others to meet, of each state table.
  const inserts = stateTables.map((table) => fc.array(insertOf(table), { maxLength: 2 }));
  const first = fc.tuple(...inserts).map((rows): Step => {
    const header = { ...plainHeader, sessionId: 'one', tick: 0 };
    const each = rows.flat().map((effect, i): ActionInput => {
      return { actionId: `a${i}`, row: { player: 0, units: null }, effects: [effect] };
    });
    return { kind: 'commit', tick: { header, actions: each, effects: [] } };
  });
  return fc
    .record({
      opened: fc.constantFrom<readonly string[]>(sessionIds, sessionIds, ['one']),
      first,
      steps: fc.array(step, { minLength: 4, maxLength: 20 }),
      /** A match is over, perhaps taken over, and retries come late. */
      ending: fc.oneof(fc.constant<Step[]>([]), ending),
      repeats: fc.array(fc.nat(30), { maxLength: 6 }),
    })
    .map(({ opened, first, steps, ending, repeats }) => {
      const inOrder = steps.map(placed);
      // Retries: some steps are played again, at once or later.
      const retries = repeats.flatMap((at) => inOrder[at % inOrder.length] ?? []);
      const opens = opened.map((sessionId): Step => ({ kind: 'open', sessionId, takeOver: false }));
      return [...opens, first, ...inOrder, ...ending, ...retries];
    });
}

/** Ticks that rise with their steps, so that most are in order. */
function placed(step: Step, place: number): Step {
  if (step.kind !== 'commit' || step.tick.header.tick === null) return step;
  const { header } = step.tick;
  const tick = 3 + place + step.tick.header.tick;
  const afterTick = earlier(tick, header.afterTick);
  return { ...step, tick: { ...step.tick, header: { ...header, tick, afterTick } } };
}
