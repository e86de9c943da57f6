import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Catalog } from '../../engine/manifest/catalog.ts';
import type { ColumnDefinition, Row, Scalar, TitleManifest } from '../../engine/manifest/types.ts';
import { buildTickBatch } from '../../engine/tick/batch-builder.ts';
import { decodeCommitBody } from '../../engine/tick/commit-body.ts';
import type { EffectInput, TickInput } from '../../engine/tick/row-input.ts';
import { encodeTick } from '../../engine/tick/tick-record.ts';
import type { ColumnSpec } from '../../sdk/runtime/columns.ts';
import { tickRecorders } from '../../sdk/runtime/tick-builder.ts';
import { Title } from '../../sdk/runtime/title.ts';
import { manifestArbitrary, ticksArbitrary } from '../property/arbitraries.ts';
import { everyKind, everyKindTick } from '../tick/every-kind.ts';
import { Follower, finiteOnly, plain } from '../tick/follower.ts';

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
  const { tick, body } = tickRecorders<TickRecorder>(titleOf(manifest))(input.header.sessionId);
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
      { numRuns: Number(process.env.TICKLOOM_PROPERTY_RUNS ?? 25) },
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
      { numRuns: 50 },
    );
  });
});
