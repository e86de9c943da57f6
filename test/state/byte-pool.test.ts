import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BytePool, noBytes } from '../../engine/state/byte-pool.ts';

function text(pool: BytePool, id: number): string {
  return Buffer.from(pool.bytes(id)).toString('latin1');
}

function intern(pool: BytePool, value: string): number {
  const bytes = Buffer.from(`..${value}.`, 'latin1');
  return pool.intern(bytes, 2, 2 + value.length);
}

describe('the byte pool', () => {
  it('gives equal bytes one id and holds them as long as anybody does', () => {
    const value = fc.oneof(
      fc.string({ unit: 'binary-ascii', maxLength: 3 }),
      fc.integer({ min: 0, max: 300 }).map((length) => 'long'.repeat(length)),
      fc.nat(2_000).map(String),
    );
    const step = fc.oneof(
      { weight: 3, arbitrary: fc.record({ do: fc.constant('intern' as const), value }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('retain' as const), at: fc.nat() }) },
      { weight: 2, arbitrary: fc.record({ do: fc.constant('release' as const), at: fc.nat() }) },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
        const pool = new BytePool();
        const model = new Map<string, { id: number; references: number }>();
        for (const one of steps) {
          if (one.do === 'intern') {
            const id = intern(pool, one.value);
            const known = model.get(one.value);
            if (known) expect(id).toBe(known.id);
            expect(id).not.toBe(noBytes);
            model.set(one.value, { id, references: (known?.references ?? 0) + 1 });
            continue;
          }
          const held = [...model];
          const [name, entry] = held[one.at % held.length] ?? ['', null];
          if (!entry) continue;
          if (one.do === 'retain') {
            pool.retain(entry.id);
            entry.references++;
          } else {
            pool.release(entry.id);
            entry.references--;
            if (entry.references === 0) model.delete(name);
          }
        }
        expect(pool.size).toBe(model.size);
        const ids = [...model.values()].map(({ id }) => id);
        expect(new Set(ids).size).toBe(ids.length);
        for (const [name, { id }] of model) {
          expect(text(pool, id)).toBe(name);
          expect(pool.byteLength(id)).toBe(name.length);
          const copy = new Uint8Array(name.length + 2);
          pool.copyTo(id, copy, 1);
          expect(Buffer.from(copy).toString('latin1')).toBe(`\0${name}\0`);
        }
      }),
    );
  });

  it('keeps every id and its bytes while tens of thousands come and go', () => {
    const pool = new BytePool();
    const held = new Map<string, number>();
    for (let i = 0; i < 60_000; i++) {
      held.set(`value ${i}`, intern(pool, `value ${i}`));
      const old = `value ${i - 20_000}`;
      const id = held.get(old);
      if (id === undefined || i % 3 === 0) continue;
      pool.release(id);
      held.delete(old);
    }
    expect(pool.size).toBe(held.size);
    for (const [name, id] of held) {
      expect(text(pool, id)).toBe(name);
      expect(intern(pool, name)).toBe(id);
    }
  });

  it('gives memory back once most of it is garbage, and ids stay', () => {
    const pool = new BytePool();
    const kept = new Map<string, number>();
    const dropped: number[] = [];
    for (let i = 0; i < 3_000; i++) {
      const value = `${i} `.padEnd(10_000, 'x');
      const id = intern(pool, value);
      if (i % 50 === 0) kept.set(value, id);
      else dropped.push(id);
    }
    const full = pool.memoryBytes;
    for (const id of dropped) pool.release(id);
    expect(pool.memoryBytes).toBeLessThan(full / 2);
    for (const [value, id] of kept) expect(text(pool, id)).toBe(value);
  });

  it('holds a value longer than a chunk', () => {
    const pool = new BytePool();
    const value = 'y'.repeat(3_000_000);
    const id = intern(pool, value);
    const small = intern(pool, 'small');
    expect(text(pool, id)).toBe(value);
    expect(text(pool, small)).toBe('small');
  });

  it('orders by bytes, which is the order of code points', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' }), (a, b) => {
        const pool = new BytePool();
        const ids = [a, b].map((value) => {
          const bytes = Buffer.from(value, 'utf8');
          return pool.intern(bytes, 0, bytes.length);
        });
        const byCodePoint = Buffer.compare(Buffer.from(a), Buffer.from(b));
        expect(Math.sign(pool.compare(ids[0] as number, ids[1] as number))).toBe(byCodePoint);
      }),
    );
  });

  it('tells the empty text from none', () => {
    const pool = new BytePool();
    const id = intern(pool, '');
    expect(id).not.toBe(noBytes);
    expect(text(pool, id)).toBe('');
    pool.retain(noBytes);
    pool.release(noBytes);
    expect(pool.size).toBe(1);
  });
});
