import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { buildTickBatch } from '../../engine/intake/rows/batch-builder.ts';
import { Catalog } from '../../engine/model/catalog.ts';
import type { Lsn } from '../../engine/model/position.ts';
import type { TitleManifest } from '../../engine/model/types.ts';
import { TitleState } from '../../engine/state/title-state.ts';
import { Projection } from '../../engine/tick/projection.ts';
import type { TickBatch } from '../../engine/tick/tick-batch.ts';
import {
  decodeHeader,
  decodeTick,
  digestOf,
  encodeSession,
  encodeTick,
  type TickRecordHeader,
} from '../../engine/tick/tick-record.ts';
import type { ColumnVector } from '../../engine/vectors/column-vector.ts';
import { heldBytes } from '../../engine/vectors/vector-bytes.ts';
import { runs } from '../budget.ts';
import { manifestArbitrary, ticksArbitrary } from '../property/arbitraries.ts';
import { digestOf as digestOfChanges } from '../title/memory-columns.ts';
import { tickHeader } from './tick-header.ts';

const ann = { subject: 'ann', role: 'game-server', address: '::1', client: 'sim/1' };

/** Folds batches into a session each; tells all that came of them. */
class Fold {
  readonly #projection: Projection;

  constructor(manifest: TitleManifest) {
    this.#projection = new Projection(new TitleState(new Catalog(manifest)));
    for (const session of ['one', 'two']) {
      const record = { type: 'session', at: 1, session, verb: 'open', fence: null } as const;
      this.#projection.settleSession(1 as Lsn, record);
    }
  }

  settle(batch: TickBatch, digest: Uint8Array, lsn: number): unknown {
    const logged = { lsn: lsn as Lsn, committedAtMs: lsn, digest, batch };
    const settlement = this.#projection.settle(logged);
    if (settlement.kind === 'refused') return settlement;
    const { changes, ...answer } = settlement;
    return { ...answer, changes: changes && digestOfChanges(changes) };
  }
}

describe('a tick record', () => {
  it('reads back as a batch of the same content that applies the same', () => {
    fc.assert(
      fc.property(
        manifestArbitrary().chain((manifest) =>
          fc.tuple(fc.constant(manifest), ticksArbitrary(manifest)),
        ),
        ([manifest, steps]) => {
          const catalog = new Catalog(manifest);
          const written = new Fold(manifest);
          const read = new Fold(manifest);
          steps.forEach((step, i) => {
            if (step.kind !== 'commit') return;
            const batch = buildTickBatch(catalog, step.tick);
            const { record, digest } = encodeTick(batch);
            const parts = record(77, null);
            const named = new Uint8Array(Buffer.concat(record(77, null, ann)));
            const namedHeader = decodeHeader(named);
            expect(namedHeader.header.by).toEqual(ann);
            const ofNamed = decodeTick(
              catalog,
              namedHeader.header as TickRecordHeader,
              named,
              namedHeader.end,
            );
            expect(Buffer.from(digestOf(ofNamed))).toEqual(Buffer.from(digest));
            expect(ofNamed.batch.header).toEqual(batch.header);
            const payload = new Uint8Array(Buffer.concat(parts));
            expect(payload.length % 8).toBe(0);
            const { header, end } = decodeHeader(payload);
            if (header.type !== 'tick') throw new Error('a tick');
            expect(header.at).toBe(77);
            const decoded = decodeTick(catalog, header, payload, end);
            expect(decoded.batch.header).toEqual(batch.header);
            expect(Buffer.from(digestOf(decoded))).toEqual(Buffer.from(digest));
            const again = encodeTick(decoded.batch);
            expect(Buffer.concat(again.record(77, null))).toEqual(Buffer.concat(parts));
            const mine = written.settle(batch, digest, i + 2);
            expect(read.settle(decoded.batch, digest, i + 2)).toEqual(mine);
          });
        },
      ),
      { numRuns: runs(60) },
    );
  });

  it('has a digest of its content alone: not of session, fence, key or afterTick', () => {
    const [manifest] = fc.sample(manifestArbitrary(), { numRuns: 1, seed: 1 });
    const catalog = new Catalog(manifest as TitleManifest);
    const header = tickHeader(5, { sessionId: 'one' });
    const actions = [{ actionId: 'a', row: { player: 1, units: null }, effects: [] }];
    const digest = (change: object, more: object = {}) => {
      const input = { header: { ...header, ...change }, actions, effects: [], ...more };
      return Buffer.from(encodeTick(buildTickBatch(catalog, input)).digest).toString('hex');
    };
    const same = digest({});
    for (const change of [
      { sessionId: 'two' },
      { fence: 3 },
      { idempotencyKey: 'k' },
      { afterTick: 4 },
    ]) {
      expect(digest(change)).toBe(same);
    }
    const others = [
      digest({ tick: 6 }),
      digest({ onConflict: 'ABORT_TICK' }),
      digest({}, { actions: [{ ...actions[0], actionId: 'b' }] }),
      digest({}, { actions: [{ ...actions[0], row: { player: 2, units: null } }] }),
      digest({}, { actions: [{ ...actions[0], row: { player: 1, units: [] } }] }),
    ];
    expect(new Set([same, ...others]).size).toBe(6);
  });

  it('of a session reads back', () => {
    const record = {
      type: 'session',
      at: 9,
      session: 's',
      verb: 'close',
      fence: 2,
      by: ann,
    } as const;
    const payload = new Uint8Array(Buffer.concat(encodeSession(record)));
    expect(decodeHeader(payload)).toMatchObject({ header: record, end: payload.length });
  });

  it('keeps as much memory alive as its body has, whatever part of it is the content', () => {
    const column = { name: 'sessionId', kind: 'string', optional: false, list: false, values: [] };
    const body = new ArrayBuffer(1_000_000);
    const offsets = Int32Array.from({ length: 3 }, (_, i) => i * 4);
    const some = new Uint8Array(body, 8, 8);
    expect(heldBytes([some, new Uint8Array(body, 100, 8), new Uint8Array(offsets.buffer)])).toBe(
      body.byteLength + offsets.byteLength,
    );
    const ids = { column, layout: 'binary', length: 2, validity: null, offsets, data: some };
    const actions = { length: 2, vectors: [ids as ColumnVector] };
    const { heldBytes: ofTick } = encodeTick({ header: tickHeader(1), actions, streams: [] });
    expect(ofTick()).toBeGreaterThan(body.byteLength);
    expect(ofTick()).toBeLessThan(body.byteLength + 2_000);
  });
});
