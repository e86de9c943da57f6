import { Dictionary, Message, Uint8, Utf8, vectorFromArray } from 'apache-arrow';
import { describe, expect, it } from 'vitest';
import { decodeCommitBody } from '../../engine/intake/arrow/commit-body.ts';
import { arrowBody } from './arrow-body.ts';
import { arrowMessage, endMark, messagesOf } from './arrow-message.ts';
import { batchReads } from './arrow-oracle.ts';
import { actions, catalog, decode, header, refusal, texts, u32, upsert } from './bodies.ts';

const modes = (names: readonly (string | null)[]) =>
  vectorFromArray(names, new Dictionary(new Utf8(), new Uint8(), 7));

describe('the messages of a commit body', () => {
  it('may be framed as before Arrow 0.15, without the word of ones', () => {
    const stream = upsert({ name: texts(['a', null]) });
    const old = messagesOf(stream).map((message) => message.subarray(4));
    const body = arrowBody(...old, new Uint8Array(4));
    expect(batchReads(decode(body))).toEqual(batchReads(decode(stream)));
  });

  it('may have zeros between streams and after them', () => {
    const streams = [actions(2), upsert({ owner: u32([1, 2]) })] as const;
    const [first, second] = streams;
    const padded = arrowBody(first, new Uint8Array(16), endMark, second, new Uint8Array(8));
    expect(batchReads(decode(padded))).toEqual(batchReads(decode(...streams)));
  });

  it('may replace a dictionary between batches, each read under the one before it', () => {
    const [schema, red, redRows] = messagesOf(upsert({ mode: modes(['RED', 'RED']) }));
    const [, blue, blueRows] = messagesOf(upsert({ mode: modes(['BLUE', null]) }));
    const parts = [schema, red, redRows, blue, blueRows, redRows] as Uint8Array[];
    const [stream] = batchReads(decode(...parts, endMark));
    expect(stream?.rows.map((row) => row[3])).toEqual(['RED', 'RED', 'BLUE', null, 'BLUE', 'BLUE']);
  });

  it('are refused where a dictionary came in parts', () => {
    const [schema, red, rows] = messagesOf(upsert({ mode: modes(['RED', 'RED']) }));
    const delta = asDelta(red as Uint8Array);
    expect(
      batchReads(decode(schema as Uint8Array, delta, rows as Uint8Array, endMark)),
    ).toHaveLength(1);
    const parts = [schema, red, delta, rows, endMark] as Uint8Array[];
    expect(refusal(...parts).message).toMatch(/mode has a dictionary in several parts/);
  });

  it('are refused where the dictionary is missing and some row needs it', () => {
    const [schema, , rows] = messagesOf(upsert({ mode: modes(['RED', null]) }));
    const error = refusal(schema as Uint8Array, rows as Uint8Array, endMark);
    expect(error.message).toMatch(/mode points outside its dictionary/);
    const [nulls, , noRows] = messagesOf(upsert({ mode: modes([null, null]) }));
    expect(decode(nulls as Uint8Array, noRows as Uint8Array, endMark).streams).toHaveLength(1);
  });

  const [schema, batch] = messagesOf(upsert({ owner: u32([1, 2]) })) as [Uint8Array, Uint8Array];
  const cases: readonly (readonly [string, RegExp, readonly Uint8Array[]])[] = [
    ['big-endian numbers', /big-endian/, [arrowMessage({ type: 1, slots: { 0: 1 } }), endMark]],
    ['metadata of 2017', /older than Arrow 0\.8/, [arrowMessage({ type: 1, version: 2 }), endMark]],
    ['a schema with a body', /a schema has no body/, [schemaWithBody(), endMark]],
    [
      'a compressed batch',
      /it is compressed/,
      [schema, arrowMessage({ type: 3, tables: [3] }), endMark],
    ],
    ['a batch before its schema', /begins with its schema/, [batch, endMark]],
    ['a tensor', /neither schema, dictionary/, [schema, arrowMessage({ type: 4 }), endMark]],
    [
      'a dictionary of no column',
      /of no column/,
      [schema, arrowMessage({ type: 2 }), batch, endMark],
    ],
    ['a stream within another', /begins within another/, [schema, batch, schema, batch, endMark]],
    ['a stream without its end', /no end mark/, [schema, batch]],
    [
      'a batch without columns',
      /not the columns of its schema/,
      [schema, arrowMessage({ type: 3 }), endMark],
    ],
    [
      'a body that is not there',
      /reaches beyond the body/,
      [schema, arrowMessage({ type: 3, bodyBytes: 1n << 40n }), endMark],
    ],
    [
      'a body of less than nothing',
      /reaches beyond the body/,
      [schema, arrowMessage({ type: 3, bodyBytes: -8n }), endMark],
    ],
  ];
  for (const [name, message, parts] of cases) {
    it(`are refused: ${name}`, () => {
      const error = refusal(...parts);
      expect(error.code).toBe('BAD_USER_INPUT');
      expect(error.message).toMatch(message);
    });
  }

  it('are refused with the number of their stream', () => {
    const error = refusal(actions(1), schema, batch, schema, endMark);
    expect(error.details).toEqual({ path: 'stream 1', stream: 1 });
  });

  it('are decoded into vectors that share the body’s memory', () => {
    const body = upsert({ owner: u32([1, 2]) });
    const [stream] = decodeCommitBody(catalog, header, body).streams;
    const owner = stream?.rows.vectors.find((vector) => vector.column.name === 'owner');
    expect(owner?.layout === 'fixed' && owner.values.buffer).toBe(body.buffer);
  });
});

function schemaWithBody(): Uint8Array {
  const message = arrowMessage({ type: 1, bodyBytes: 8n });
  return arrowBody(message, new Uint8Array(8));
}

/** The dictionary batch, marked as an addition to the one before. */
function asDelta(message: Uint8Array): Uint8Array {
  const view = new DataView(message.buffer, message.byteOffset, message.byteLength);
  const bodyAt = 8 + view.getInt32(4, true);
  const decoded = Message.decode(message.subarray(8, bodyAt));
  const header = Object.assign(decoded.header(), { _isDelta: true });
  const metadata = Message.encode(Message.from(header, message.length - bodyAt));
  const prefix = new Uint8Array(8 + ((metadata.length + 7) & ~7));
  prefix.set(message.subarray(0, 4));
  new DataView(prefix.buffer).setInt32(4, prefix.length - 8, true);
  prefix.set(metadata, 8);
  return arrowBody(prefix, message.subarray(bodyAt));
}
