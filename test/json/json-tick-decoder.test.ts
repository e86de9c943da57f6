import fc from 'fast-check';
import type { GraphQLInputType } from 'graphql';
import { describe, expect, it } from 'vitest';
import type { EffectInput, TickInput } from '../../engine/intake/rows/row-input.ts';
import { ColumnarTick } from '../../engine/json/columnar-tick.ts';
import { JsonTickDecoder } from '../../engine/json/json-tick-decoder.ts';
import { Catalog } from '../../engine/model/catalog.ts';
import type { TitleManifest, WhereInput } from '../../engine/model/types.ts';
import { ashfall } from '../../src/sandbox/ashfall.ts';
import { manifestArbitrary, ticksArbitrary } from '../property/arbitraries.ts';
import { allKinds } from '../schema/all-kinds.ts';
import { fitting, spoiled, wrong } from '../schema/input-values.ts';
import { ashfallTick } from './ashfall-tick.ts';
import { contentOf, GeneralPath } from './general-path.ts';
import { spelled } from './spelling.ts';

const runs = Number(process.env.TICKLOOM_PROPERTY_RUNS ?? 100);

/** Both ways from the same text. */
class Paths {
  readonly #general: GeneralPath;
  readonly #decoder: JsonTickDecoder;
  readonly #actionTable: string;

  constructor(manifest: TitleManifest) {
    const catalog = new Catalog(manifest);
    this.#general = new GeneralPath(catalog);
    this.#decoder = new JsonTickDecoder(catalog);
    this.#actionTable = catalog.actionTable.name;
  }

  get inputType(): GraphQLInputType {
    return this.#general.schema.getType('CommitTickInput') as GraphQLInputType;
  }

  /** Holds what is decoded to what the general path makes; answers which of them took the text. */
  compare(json: Buffer | string): { readonly decoded: boolean; readonly general: boolean } {
    const body = Buffer.from(json);
    const decoded = this.#decoder.decode(body, 0);
    const general = this.#general.tick(body.toString('utf8', 0, decoded?.end));
    if (decoded) {
      const tables = new ColumnarTick(decoded.batch).tables(this.#actionTable);
      expect([contentOf(decoded.batch), [...tables]]).toEqual(
        general && [contentOf(general.batch), general.tables],
      );
    }
    return { decoded: decoded !== null, general: general !== null };
  }
}

/** The tick as GraphQL has it. */
function asInput({ header, actions, effects }: TickInput): Record<string, unknown> {
  const effectsOf = (own: readonly EffectInput[]) =>
    own.map(({ table, op, ...rest }) => ({ [table]: { [op]: 'row' in rest ? rest.row : rest } }));
  return {
    ...header,
    actions: actions.map(({ actionId, row, effects: own }) => ({
      actionId,
      ...row,
      effects: effectsOf(own),
    })),
    effects: effectsOf(effects),
  };
}

/** BigInts as clients write them. */
function jsonOf(input: Record<string, unknown>): unknown {
  return JSON.parse(
    JSON.stringify(input, (_, value: unknown) =>
      typeof value === 'bigint' ? String(value) : value,
    ),
  );
}

/** Whether every `require` is one that the decoder reads: comparisons and tests for null. */
function isPlain(tick: TickInput): boolean {
  const isPlainRequire = (require: WhereInput | null) =>
    Object.entries(require ?? {}).every(
      ([name, condition]) => !['or', 'not'].includes(name) && !('in' in (condition as object)),
    );
  return [...tick.actions.flatMap((action) => action.effects), ...tick.effects].every(
    (effect) => !('require' in effect) || isPlainRequire(effect.require),
  );
}

describe('a tick decoded from JSON', () => {
  it('is the tick that its rows make, over random titles and ticks, however it is spelled', () => {
    let taken = 0;
    fc.assert(
      fc.property(
        manifestArbitrary().chain((manifest) =>
          fc.tuple(fc.constant(manifest), ticksArbitrary(manifest)),
        ),
        fc.nat(),
        ([manifest, steps], seed) => {
          const paths = new Paths(manifest);
          for (const step of steps) {
            if (step.kind !== 'commit') continue;
            const text = spelled(jsonOf(asInput(step.tick)), seed);
            if (paths.compare(text).decoded) taken++;
          }
        },
      ),
      { numRuns: runs },
    );
    expect(taken).toBeGreaterThan(runs);
  });

  it('is taken wherever the usual client writes it and nothing is wrong with it', () => {
    fc.assert(
      fc.property(
        manifestArbitrary().chain((manifest) =>
          fc.tuple(fc.constant(manifest), ticksArbitrary(manifest)),
        ),
        ([manifest, steps]) => {
          const paths = new Paths(manifest);
          for (const step of steps) {
            if (step.kind !== 'commit' || !isPlain(step.tick)) continue;
            const text = JSON.stringify(jsonOf(asInput(step.tick)));
            const { decoded, general } = paths.compare(text);
            expect([text, decoded]).toEqual([text, general]);
          }
        },
      ),
      { numRuns: runs },
    );
  });

  it('is the same with columns of every kind', () => {
    const paths = new Paths(allKinds);
    let taken = 0;
    fc.assert(
      fc.property(fitting(paths.inputType, 5), fc.nat(), (input, seed) => {
        if (paths.compare(spelled(input, seed)).decoded) taken++;
      }),
      { numRuns: runs * 5 },
    );
    expect(taken).toBeGreaterThan(0);
  });

  it('is never taken where its own effects name rows of another session, wherever they stand', () => {
    const paths = new Paths(ashfall);
    const effects = (sessionId: string) => [
      { unitState: { upsert: { key: { sessionId, unitId: 1 }, set: { x: 1 } } } },
    ];
    for (const more of [{}, { actions: [] }]) {
      for (const before of [true, false]) {
        const tick = (sessionId: string) => {
          const own = { effects: effects(sessionId) };
          const parts = before ? { ...own, ...more } : { ...more, ...own };
          return JSON.stringify({ ...parts, sessionId: 's', tick: 1 });
        };
        expect(paths.compare(tick('other'))).toEqual({ decoded: false, general: false });
        expect(paths.compare(tick('s'))).toEqual({ decoded: true, general: true });
      }
    }
  });

  it('is never taken where something in it is wrong', () => {
    const paths = new Paths(allKinds);
    fc.assert(
      fc.property(
        fitting(paths.inputType, 5),
        fc.array(fc.nat(30), { minLength: 1, maxLength: 7 }),
        wrong,
        fc.nat(),
        (whole, steps, by, seed) => {
          paths.compare(spelled(spoiled(whole, steps, by), seed));
        },
      ),
      { numRuns: runs * 10 },
    );
  });

  it('is never taken for another where bytes of it are changed', () => {
    const paths = new Paths(ashfall);
    const bytes = fc.constantFrom(
      ...'{}[]",:0123456789-+.eEntfu\\ /aZ\u0000\n',
      'null',
      '\\u0041',
      '1e3',
    );
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 3 }),
        fc.nat(),
        fc.array(fc.tuple(fc.nat(), fc.nat(6), bytes), { minLength: 1, maxLength: 3 }),
        (actions, seed, edits) => {
          let text = spelled(ashfallTick(actions), seed);
          for (const [place, removed, added] of edits) {
            const at = place % text.length;
            text = text.slice(0, at) + added + text.slice(at + removed);
          }
          paths.compare(text);
        },
      ),
      { numRuns: runs * 20 },
    );
  });
});
