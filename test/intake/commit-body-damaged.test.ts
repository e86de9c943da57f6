import { Bool, Dictionary, Field, Int32, List, Uint32, Utf8, vectorFromArray } from 'apache-arrow';
import { describe, expect, it } from 'vitest';
import { decodeCommitBody } from '../../engine/intake/arrow/commit-body.ts';
import { EngineError } from '../../engine/model/errors.ts';
import { limits } from '../../engine/model/limits.ts';
import type { Lsn } from '../../engine/model/position.ts';
import { TitleState } from '../../engine/state/title-state.ts';
import { Projection } from '../../engine/tick/projection.ts';
import type { TickBatch } from '../../engine/tick/tick-batch.ts';
import { decodeHeader, decodeTick, encodeTick } from '../../engine/tick/tick-record.ts';
import { points } from '../budget.ts';
import { arrowBody } from './arrow-body.ts';
import { endMark, messagesOf } from './arrow-message.ts';
import { actions, catalog, header, texts, u32, upsert } from './bodies.ts';

describe('a damaged commit body', () => {
  const count = 4;
  const numbers = Array.from({ length: count }, (_, i) => i);
  const firstStream = actions(count, {
    kind: vectorFromArray(
      numbers.map(() => 'RED'),
      new Dictionary(new Utf8(), new Int32()),
    ),
    units: vectorFromArray(
      numbers.map((i) => [i, i]),
      new List(new Field('item', new Uint32(), false)),
    ),
  });
  const body = arrowBody(
    firstStream,
    upsert(
      {
        action: u32(numbers),
        name: texts(numbers.map((i) => (i % 2 ? null : `n${i}`))),
        ready: vectorFromArray(
          numbers.map((i) => i === 1),
          new Bool(),
        ),
        'require.owner.eq': u32(numbers),
      },
      count,
      { 'tickloom.require': '{"health":{"gt":0}}' },
    ),
  );

  function outcome(bytes: Uint8Array): string {
    try {
      settle(decodeCommitBody(catalog, header, bytes));
      return 'accepted';
    } catch (error) {
      if (error instanceof EngineError) return error.code;
      throw error;
    }
  }

  /** What was let in can be logged, read back and applied. */
  function settle(batch: TickBatch): void {
    const encoded = encodeTick(batch);
    const { digest } = encoded;
    const parts = encoded.record(1, null);
    const payload = new Uint8Array(Buffer.concat(parts));
    const decoded = decodeHeader(payload);
    if (decoded.header.type !== 'tick') throw new Error('a tick');
    const read = decodeTick(catalog, decoded.header, payload, decoded.end);
    const projection = new Projection(new TitleState(catalog));
    const record = { type: 'session', at: 1, session: 's', verb: 'open', fence: null } as const;
    projection.settleSession(1 as Lsn, record);
    const place = { lsn: 2 as Lsn, committedAtMs: 1, digest };
    expect(projection.settle({ ...place, batch: read.batch }).kind).toBe('applied');
  }

  it('is refused wherever it was cut, but between its streams', () => {
    expect(outcome(body)).toBe('accepted');
    const accepted: number[] = [];
    for (let cut = 1; cut < body.length; cut++) {
      if (outcome(body.slice(0, cut)) === 'accepted') accepted.push(cut);
    }
    expect(accepted).toEqual([firstStream.length]);
  });

  it('never crashes or holds up the server, whichever bit of it was flipped', () => {
    const outcomes = new Set<string>();
    const startedMs = performance.now();
    for (const at of points(0, body.length - 1)) {
      for (const bit of [at % 8, 7]) {
        const flipped = body.slice();
        flipped[at] = (flipped[at] as number) ^ (1 << bit);
        outcomes.add(outcome(flipped));
      }
    }
    expect([...outcomes].sort()).toEqual(['BAD_USER_INPUT', 'accepted']);
    expect(performance.now() - startedMs).toBeLessThan(30_000);
  });

  it('does not hold up the server by many batches that point into one long dictionary', () => {
    const values = Array.from({ length: 16 }, (_, i) => `${i}`.repeat(limits.valueBytesMax >> 2));
    const named = (names: readonly (string | null)[]) => {
      const type = new Dictionary(new Utf8(), new Int32(), 7);
      return messagesOf(upsert({ name: vectorFromArray(names, type) }, names.length));
    };
    const [schema, , batch] = named([values[3] as string, null]) as [
      Uint8Array,
      Uint8Array,
      Uint8Array,
    ];
    const [, long] = named(values) as [Uint8Array, Uint8Array];
    const empty = named([]).at(-1) as Uint8Array;
    const batches = Array.from({ length: 5000 }, () => empty);
    const startedMs = performance.now();
    expect(outcome(arrowBody(schema, long, batch, ...batches, endMark))).toBe('accepted');
    // To check the dictionary for each batch would be to read 20 gigabytes.
    expect(performance.now() - startedMs).toBeLessThan(2_000);
  });
});
