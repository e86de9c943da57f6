import { describe, expect, it } from 'vitest';
import { decodeCommitBody } from '../../engine/intake/arrow/commit-body.ts';
import { type ArrowStreamPlan, StreamPlans } from '../../engine/intake/arrow/stream-plans.ts';
import { Catalog } from '../../engine/model/catalog.ts';
import { limits } from '../../engine/model/limits.ts';
import type { TitleManifest } from '../../engine/model/types.ts';
import { Flatbuffer } from '../../engine/vectors/arrow/flatbuffer.ts';
import { columnOf } from './any-column.ts';
import { arrowStream } from './arrow-body.ts';
import { messagesOf } from './arrow-message.ts';
import { catalog, header, texts, u32, upsert } from './bodies.ts';

/** The metadata of a schema message. */
function schemaOf(stream: Uint8Array): Uint8Array {
  return (messagesOf(stream)[0] as Uint8Array).subarray(8);
}

function planOf(plans: StreamPlans, schema: Uint8Array, index = 0): ArrowStreamPlan {
  return plans.planOf(new Flatbuffer(schema), 0, schema.length, index);
}

/** A schema of its own for each number: what Arrow does not know it leaves alone. */
function numbered(n: number, note = ''): Uint8Array {
  return schemaOf(upsert({ owner: u32([1, 2]) }, 2, { n: String(n).padStart(6, '0'), note }));
}

describe('plans of streams', () => {
  it('are found again by the same bytes, wherever these lie', () => {
    const plans = new StreamPlans(catalog);
    const schema = numbered(1);
    const plan = planOf(plans, schema);
    const memory = new Uint8Array(schema.length + 3);
    memory.set(schema, 3);
    const flat = new Flatbuffer(memory);
    expect(plans.planOf(flat, 3, memory.length, 1)).toBe(plan);
    expect(plans.size).toBe(1);
  });

  it('hold nothing of the body they were made of', () => {
    const plans = new StreamPlans(catalog);
    const schema = numbered(1);
    const sent = schema.slice();
    const plan = planOf(plans, sent);
    sent.fill(0xff);
    expect(planOf(plans, schema)).toBe(plan);
  });

  it('are never those of other bytes that hash alike', () => {
    const plans = new StreamPlans(catalog);
    const ids = { id: u32([1, 2]) };
    const one = schemaOf(arrowStream('unit', 'insert', ids));
    const plan = planOf(plans, one);
    // A schema of the same length, with a word that no column needs made such that the hashes meet.
    const other = colliding(one, schemaOf(arrowStream('unit', 'upsert', ids)));
    expect(hash(other)).toBe(hash(one));
    const otherPlan = planOf(plans, other);
    expect(plan.content).toMatchObject({ op: 'insert' });
    expect(otherPlan.content).toMatchObject({ op: 'upsert' });
    expect(plans.size).toBe(1);
    expect(planOf(plans, one).content).toMatchObject({ op: 'insert' });
  });

  it('are of one catalog: the same bytes mean another thing under another', () => {
    const narrow = catalogWith('u8');
    const wide = catalogWith('i64');
    const body = arrowStream('unit', 'upsert', { id: u32([1, 2]), size: u32([3, 4]) });
    for (let round = 0; round < 2; round++) {
      for (const [own, kind] of [[narrow, 'u8'] as const, [wide, 'i64'] as const]) {
        const [stream] = decodeCommitBody(own, header, body).streams;
        expect(stream?.rows.vectors.map((vector) => vector.column.kind)).toEqual(['u32', kind]);
      }
    }
    const other = catalogWith('string');
    expect(() => decodeCommitBody(other, header, body)).toThrow(/size is Uint32; expected string/);
  });

  it('make room for the next, the one unused longest first', () => {
    const plans = new StreamPlans(catalog);
    const first = planOf(plans, numbered(0));
    const second = planOf(plans, numbered(1));
    for (let n = 2; n < limits.commitSchemasCachedMax; n++) planOf(plans, numbered(n));
    expect(planOf(plans, numbered(0))).toBe(first);
    planOf(plans, numbered(limits.commitSchemasCachedMax));
    expect(plans.size).toBe(limits.commitSchemasCachedMax);
    expect(planOf(plans, numbered(0))).toBe(first);
    expect(planOf(plans, numbered(1))).not.toBe(second);
  });

  it('of schemas past the bound are made each time, and none is put out for them', () => {
    const plans = new StreamPlans(catalog);
    const kept = planOf(plans, numbered(1));
    const long = numbered(2, 'x'.repeat(limits.commitSchemaCachedBytesMax));
    expect(planOf(plans, long)).not.toBe(planOf(plans, long));
    expect(plans.size).toBe(1);
    expect(planOf(plans, numbered(1))).toBe(kept);
  });

  it('of schemas that are refused are not kept, and name the stream each time', () => {
    const plans = new StreamPlans(catalog);
    const schema = schemaOf(upsert({ name: u32([1, 2]) }));
    expect(() => planOf(plans, schema, 0)).toThrow(/^stream 0 \(unit upsert\)\.name is Uint32/);
    expect(() => planOf(plans, schema, 4)).toThrow(/^stream 4 \(unit upsert\)\.name is Uint32/);
    expect(plans.size).toBe(0);
  });

  it('give the place of the stream they read, not of the one they were made for', () => {
    const good = upsert({ small: u32([1, 2]) });
    const bad = upsert({ small: u32([1, 256]) });
    const body = new Uint8Array(Buffer.concat([good, good, bad]));
    expect(() => decodeCommitBody(catalog, header, body)).toThrow(
      /^stream 2 \(unit upsert\)\.small\[1\] must be/,
    );
  });

  it('are the same for a column read twice: nothing of a tick is left in them', () => {
    const names = (values: readonly string[]) => upsert({ mode: texts(values) });
    for (const values of [
      ['RED', 'BLUE'],
      ['BLUE', 'GREEN'],
      ['RED', 'BLUE'],
    ]) {
      const [stream] = decodeCommitBody(catalog, header, names(values)).streams;
      const mode = stream?.rows.vectors.find((vector) => vector.column.name === 'mode');
      const ordinals = values.map((name) => ['RED', 'GREEN', 'BLUE'].indexOf(name));
      expect(mode?.layout === 'fixed' && [...mode.values]).toEqual(ordinals);
    }
  });
});

function catalogWith(kind: 'u8' | 'i64' | 'string'): Catalog {
  const unit = catalog.manifest.tables.find((table) => table.name === 'unit');
  if (!unit) throw new Error('there are units');
  const columns = [columnOf('sessionId', 'string'), columnOf('id', 'u32'), columnOf('size', kind)];
  const tables = catalog.manifest.tables.filter((table) => table !== unit);
  const manifest: TitleManifest = {
    ...catalog.manifest,
    tables: [...tables, { ...unit, columns }],
  };
  return new Catalog(manifest);
}

function hash(schema: Uint8Array): number {
  return new Flatbuffer(schema).hash(0, schema.length);
}

/**
 * `bytes` with a word that no plan needs chosen so that they hash like `like`. FNV can be run
 * backwards: what must stand before and after the word is known from both ends.
 */
function colliding(like: Uint8Array, bytes: Uint8Array): Uint8Array {
  expect(bytes.length).toBe(like.length);
  const result = bytes.slice();
  const view = new DataView(result.buffer);
  const prime = 0x01000193;
  const inverse = 0x359c449b;
  expect(Math.imul(prime, inverse)).toBe(1);
  const free = freeWord(result);
  let before = 0x811c9dc5 ^ result.length;
  for (let at = 0; at < free; at += 4) before = Math.imul(before ^ view.getInt32(at, true), prime);
  let after = hash(like);
  for (let at = result.length - 4; at > free; at -= 4) {
    after = Math.imul(after, inverse) ^ view.getInt32(at, true);
  }
  view.setInt32(free, Math.imul(after, inverse) ^ before, true);
  return result;
}

/** A word that can be anything: the plan of a schema is the same with it inverted. */
function freeWord(schema: Uint8Array): number {
  for (let at = 4; at + 4 <= schema.length; at += 4) {
    const changed = schema.slice();
    const view = new DataView(changed.buffer);
    view.setInt32(at, ~view.getInt32(at, true), true);
    try {
      const { content } = planOf(new StreamPlans(catalog), changed);
      if (content.kind === 'effects' && content.op === 'upsert') return at;
    } catch {
      // Something reads it.
    }
  }
  throw new Error('there is no free word');
}
