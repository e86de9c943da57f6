import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeCommitBody } from '../../engine/intake/arrow/commit-body.ts';
import { buildTickBatch } from '../../engine/intake/rows/batch-builder.ts';
import type { EffectInput, TickInput } from '../../engine/intake/rows/row-input.ts';
import { Catalog } from '../../engine/model/catalog.ts';
import type { ColumnDefinition, Row, Scalar, TitleManifest } from '../../engine/model/types.ts';
import { encodeTick } from '../../engine/tick/tick-record.ts';
import type { ColumnSpec } from '../../sdk/runtime/columns.ts';
import { tickRecorders } from '../../sdk/runtime/tick-builder.ts';
import { Title } from '../../sdk/runtime/title.ts';
import { runs } from '../budget.ts';
import { columnOf } from '../intake/any-column.ts';
import { everyKind, everyKindTick } from '../intake/every-kind.ts';
import { Follower, finiteOnly, plain } from '../intake/follower.ts';
import { manifestArbitrary, ticksArbitrary } from '../property/arbitraries.ts';
import { tickHeader } from '../tick/tick-header.ts';

interface Effects {
  append(row: Row): unknown;
  insert(row: Row): unknown;
  upsert(key: Row, set: Row, options: object): unknown;
  compareAndSet(key: Row, version: number, set: Row, options: object): unknown;
  adjust(key: Row, add: Row, options: object): unknown;
  delete(key: Row, options: object): unknown;
}
type Recorder = Readonly<Record<string, Effects>>;
type TickRecorder = { action(row: Row): Recorder };

/** The SDK's title of a manifest, as generated code describes it. */
function titleOf(manifest: TitleManifest): Title {
  const tables = manifest.tables.map(({ name, kind, key, columns }) => {
    const specs = columns.map(({ name, kind, list, optional }) => {
      return [name, `${kind}${list ? '[]' : ''}${optional ? '?' : ''}` as ColumnSpec];
    });
    if (kind === 'action') specs.push(['actionId', 'string']);
    return [name, { as: name, kind, key, columns: Object.fromEntries(specs) }];
  });
  const { title, version } = manifest;
  return new Title({ title, version, tables: Object.fromEntries(tables), views: {} });
}

/** The body of a tick that is built as a game server would. */
function bodyOf(manifest: TitleManifest, input: TickInput): Uint8Array {
  const { tick, body } = tickRecorders<TickRecorder>(titleOf(manifest)).tick(
    input.header.sessionId,
  );
  for (const { actionId, row, effects } of input.actions) {
    const action = tick.action({ actionId, ...row });
    for (const effect of effects) record(action, effect);
  }
  for (const effect of input.effects) record(tick as unknown as Recorder, effect);
  return body.encode();
}

function record(recorder: Recorder, effect: EffectInput): void {
  const on = recorder[effect.table] as Effects;
  const require = 'require' in effect ? (effect.require ?? undefined) : undefined;
  switch (effect.op) {
    case 'append':
    case 'insert':
      on[effect.op](effect.row);
      return;
    case 'upsert':
      on.upsert(effect.key, effect.set, { require });
      return;
    case 'compareAndSet':
      on.compareAndSet(effect.key, effect.expectedVersion, effect.set, { require });
      return;
    case 'adjust':
      on.adjust(effect.key, effect.add, { require });
      return;
    case 'delete':
      on.delete(effect.key, { require, expectedVersion: effect.expectedVersion ?? undefined });
  }
}

const finite = (tick: TickInput): TickInput => ({
  ...tick,
  actions: tick.actions.map((action) => ({ ...action, effects: action.effects.map(finiteOnly) })),
  effects: tick.effects.map(finiteOnly),
});

/** Without digests, which follow from how a record spells its conditions. */
function verdictsOf({ answers }: Follower): unknown {
  return answers
    .filter((_, i) => i % 2 === 1)
    .map((answer) => ({ ...(answer as object), stateHash: null }));
}

/** A value as a game server gives it. */
function clientValue({ kind }: ColumnDefinition, value: Scalar): unknown {
  if (value === null) return null;
  if (kind === 'timestamp') return new Date(value as number);
  return kind === 'json' ? JSON.parse(value as string) : value;
}

function clientRow(row: Row): Row {
  const columns = everyKind.tables[0]?.columns ?? [];
  const cells = columns.map((column) => {
    const value = row[column.name] ?? null;
    const cell = Array.isArray(value)
      ? value.map((one) => clientValue(column, one))
      : clientValue(column, value as Scalar);
    return [column.name, cell];
  });
  return Object.fromEntries(cells);
}

const scenario = manifestArbitrary().chain((manifest) =>
  fc.tuple(fc.constant(manifest), ticksArbitrary(manifest)),
);

describe('the body of a tick', () => {
  it.each([
    ['is the record that the mutation makes of the same rows', plain, true],
    [
      'has the verdicts and leaves the rows that the mutation does, whatever it requires',
      finite,
      false,
    ],
  ])('%s', (_name, prepare, isSameRecord) => {
    fc.assert(
      fc.property(scenario, ([manifest, steps]) => {
        const byRows = new Follower(manifest);
        const bySdk = new Follower(manifest);
        const catalog = new Catalog(manifest);
        steps.forEach((step, i) => {
          if (step.kind !== 'commit') return;
          const tick = prepare(step.tick);
          byRows.commit(buildTickBatch(catalog, tick), i + 2);
          const body = bodyOf(manifest, tick);
          bySdk.commit(decodeCommitBody(catalog, tick.header, body), i + 2);
        });
        if (isSameRecord) expect(bySdk.answers).toEqual(byRows.answers);
        else expect(verdictsOf(bySdk)).toEqual(verdictsOf(byRows));
        expect(bySdk.rows()).toEqual(byRows.rows());
      }),
      { numRuns: runs(25) },
    );
  });

  it('is the record that the mutation makes with columns of every kind', () => {
    const catalog = new Catalog(everyKind);
    const client = <Item extends object>(item: Item): Item =>
      'row' in item ? { ...item, row: clientRow(item.row as Row) } : item;
    fc.assert(
      fc.property(everyKindTick(), (tick) => {
        const body = bodyOf(everyKind, {
          ...tick,
          actions: tick.actions.map((action) => ({
            ...client(action),
            effects: action.effects.map(client),
          })),
          effects: tick.effects.map(client),
        });
        const sent = decodeCommitBody(catalog, tick.header, body);
        expect(encodeTick(sent).digest).toEqual(encodeTick(buildTickBatch(catalog, tick)).digest);
      }),
      { numRuns: runs(50) },
    );
  });
});

describe('a tick that a game server builds', () => {
  const manifest: TitleManifest = {
    ...everyKind,
    tables: [
      ...everyKind.tables,
      {
        name: 'unit',
        kind: 'state',
        columns: [
          columnOf('sessionId', 'string'),
          columnOf('id', 'u32'),
          columnOf('name', 'string', { optional: true }),
        ],
        key: ['sessionId', 'id'],
        indexes: [],
      },
    ],
  };
  const catalog = new Catalog(manifest);
  const recorder = () => tickRecorders<TickRecorder & Recorder>(titleOf(manifest)).tick('s');
  const decoded = (body: Uint8Array) => decodeCommitBody(catalog, tickHeader(1), body);
  /** The error of what is done to a tick, or of its being sent. */
  const refusalOf = (build: (tick: TickRecorder & Recorder) => void): unknown => {
    const { tick, body } = recorder();
    try {
      build(tick);
      body.encode();
    } catch (error) {
      return error;
    }
    return null;
  };

  it.each<[string, unknown]>([
    ['i8One', 128],
    ['u8One', -1],
    ['i16One', 0.5],
    ['u16One', '7'],
    ['i32One', 2 ** 31],
    ['u32One', 2 ** 32],
    ['f32One', Number.NaN],
    ['f64One', Number.POSITIVE_INFINITY],
    ['i64One', 2n ** 63n],
    ['u64One', -1n],
    ['u64One', 2 ** 53],
    ['boolOne', 1],
    ['stringOne', 7],
    ['stringOne', 'half a pair: \ud800'],
    ['enumOne', 7],
    ['timestampOne', new Date(Number.NaN)],
    ['timestampOne', '2026-01-31'],
    ['bytesOne', 'YQ=='],
    ['jsonOne', () => undefined],
    ['jsonOne', { deep: [null, Number.NEGATIVE_INFINITY] }],
    ['u32List', 7],
    ['u32List', [1, null]],
    ['colour', 'red'],
  ])('is refused before it is sent where %s is %s', (column, value) => {
    expect(refusalOf((tick) => tick.ledger?.append({ [column]: value } as Row))).toMatchObject({
      code: 'BAD_USER_INPUT',
      details: { place: expect.stringMatching(`^ledger\\.${column}`) },
    });
  });

  it('is not sent without a row that was refused, though its builder went on', () => {
    const refusal = refusalOf((tick) => {
      expect(() => tick.unit?.insert({ id: -1 })).toThrow('unit.id');
      tick.unit?.insert({ id: 2 });
    });
    expect(refusal).toMatchObject({ details: { place: 'unit.id' } });
  });

  it('may name its own session in keys, and no other', () => {
    const { tick, body } = recorder();
    tick.unit?.upsert({ sessionId: 's', id: 1 }, { name: 'a' }, {});
    expect(decoded(body.encode()).streams).toMatchObject([{ op: 'upsert', length: 1 }]);
    const foreign = refusalOf((tick) => tick.unit?.delete({ sessionId: 'other', id: 1 }, {}));
    expect(foreign).toMatchObject({ details: { place: 'sessionId' } });
  });

  it('leaves out what is undefined, and sets what is null', () => {
    const { tick, body } = recorder();
    tick.unit?.upsert({ id: 1 }, { name: undefined } as unknown as Row, {});
    tick.unit?.upsert({ id: 2 }, { name: null }, {});
    const columns = decoded(body.encode()).streams.map(({ rows }) =>
      rows.vectors.map((vector) => vector.column.name),
    );
    expect(columns).toEqual([['id'], ['id', 'name']]);
  });

  it('is a body of some bytes without actions and effects', () => {
    const body = recorder().body.encode();
    expect(body.length).toBeGreaterThan(0);
    expect(decoded(body)).toMatchObject({ actions: { length: 0 }, streams: [] });
  });
});
