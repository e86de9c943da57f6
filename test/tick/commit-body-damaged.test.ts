import { Bool, Dictionary, Field, Int32, List, Uint32, Utf8, vectorFromArray } from 'apache-arrow';
import { describe, expect, it } from 'vitest';
import { EngineError } from '../../engine/errors.ts';
import type { Lsn } from '../../engine/position.ts';
import { TitleState } from '../../engine/state/title-state.ts';
import { decodeCommitBody } from '../../engine/tick/commit-body.ts';
import { Projection } from '../../engine/tick/projection.ts';
import type { TickBatch } from '../../engine/tick/tick-batch.ts';
import { decodeHeader, decodeTick, encodeTick } from '../../engine/tick/tick-record.ts';
import { arrowBody } from './arrow-body.ts';

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
    for (let at = 0; at < body.length; at++) {
      for (const bit of [at % 8, 7]) {
        const flipped = body.slice();
        flipped[at] = (flipped[at] as number) ^ (1 << bit);
        outcomes.add(outcome(flipped));
      }
    }
    expect([...outcomes].sort()).toEqual(['BAD_USER_INPUT', 'accepted']);
    expect(performance.now() - startedMs).toBeLessThan(30_000);
  });
});
