import {
  Binary,
  Field,
  Float16,
  Float32,
  Float64,
  Int64,
  List,
  Table,
  TimestampMicrosecond,
  Uint32,
  vectorFromArray,
} from 'apache-arrow';
import { describe, expect, it } from 'vitest';
import { arrowStream } from './arrow-body.ts';

import { actions, refusal, texts, time, u32, upsert } from './bodies.ts';

describe('a malformed commit body is answered BAD_USER_INPUT', () => {
  const cases: readonly (readonly [string, RegExp, () => readonly Uint8Array[]])[] = [
    ['an unknown table', /no such table/, () => [arrowStream('nope', 'append', { a: u32([1]) })]],
    ['no table named', /no such table/, () => [arrowStream('', 'append', { a: u32([1]) })]],
    [
      'an unknown operation',
      /must be actions, append/,
      () => [arrowStream('unit', 'replace', { id: u32([1]) })],
    ],
    [
      'an append to a state table',
      /append is not possible/,
      () => [arrowStream('unit', 'append', { id: u32([1]) })],
    ],
    [
      'an upsert of an event table',
      /upsert is not possible/,
      () => [arrowStream('ledger', 'upsert', { amount: u32([1]) })],
    ],
    [
      'effects on the action table',
      /append is not possible/,
      () => [arrowStream('order', 'append', { player: u32([1]) })],
    ],
    [
      'actions of another table',
      /not the action table/,
      () => [arrowStream('unit', 'actions', { id: u32([1]) })],
    ],
    ['actions twice', /came before/, () => [actions(1), actions(1)]],
    ['an unknown column', /no column "size"/, () => [upsert({ size: u32([1, 2]) })]],
    [
      'a column of the session',
      /no column "sessionId"/,
      () => [upsert({ sessionId: texts(['s', 's']) })],
    ],
    [
      'a version where none is expected',
      /no column "expectedVersion"/,
      () => [upsert({ expectedVersion: u32([1, 2]) })],
    ],
    [
      'a missing key column',
      /column "id" is missing/,
      () => [arrowStream('unit', 'upsert', { name: texts(['a']) })],
    ],
    [
      'a missing version',
      /column "expectedVersion" is missing/,
      () => [arrowStream('unit', 'compareAndSet', { id: u32([1]), owner: u32([1]) })],
    ],
    [
      'missing actionIds',
      /"actionId" is missing/,
      () => [arrowStream('order', 'actions', { player: u32([1]) })],
    ],
    [
      'a null in a key',
      /unit upsert.*\.id holds a null/,
      () => [arrowStream('unit', 'upsert', { id: u32([null]) })],
    ],
    [
      'text for a number',
      /owner is Utf8; expected u32/,
      () => [upsert({ owner: texts(['1', '2']) })],
    ],
    ['a number for text', /name is Uint32; expected string/, () => [upsert({ name: u32([1, 2]) })]],
    [
      'bytes for text',
      /expected string/,
      () => [upsert({ name: vectorFromArray([Uint8Array.of(1), null], new Binary()) })],
    ],
    [
      'a number too large',
      /small\[1\] must be a whole number from 0 to 255/,
      () => [upsert({ small: u32([1, 256]) })],
    ],
    [
      'a fraction',
      /small\[0\] must be a whole number/,
      () => [upsert({ small: vectorFromArray([0.5, 1], new Float64()) })],
    ],
    [
      'half floats',
      /health is Float16/,
      () => [upsert({ health: vectorFromArray([1, 2], new Float16()) })],
    ],
    [
      'a number for a time',
      /born is Int64; expected a timestamp/,
      () => [upsert({ born: vectorFromArray([1n, 2n], new Int64()) })],
    ],
    [
      'a time beyond all calendars',
      /beyond the years/,
      () => [upsert({ born: time(new TimestampMicrosecond(), 2n ** 63n - 1n) }, 1)],
    ],
    [
      'no value of the enum',
      /mode\[1\] must be one of RED/,
      () => [upsert({ mode: texts(['RED', 'PINK']) })],
    ],
    ['no UUID', /token\[0\] must be a UUID/, () => [upsert({ token: texts(['x', null]) })]],
    ['no JSON', /extra\[1\] is not JSON/, () => [upsert({ extra: texts(['{}', '{']) })]],
    [
      'a JSON number that would change',
      /extra\[1\]: a number in it is too large to be kept/,
      () => [upsert({ extra: texts(['{}', '{"a":[1e400]}']) })],
    ],
    [
      'a JSON integer that a double rounds',
      /extra\[0\]: a number in it is too large to be kept/,
      () => [upsert({ extra: texts(['9007199254740993', '{}']) })],
    ],
    ['no list', /units is Uint32; expected a list/, () => [actions(1, { units: u32([1]) })]],
    [
      'a null in a list',
      /holds a null/,
      () => [
        actions(1, {
          units: vectorFromArray([[1, null]], new List(new Field('item', new Uint32(), true))),
        }),
      ],
    ],
    [
      'an id twice',
      /"a" occurs twice/,
      () => [arrowStream('order', 'actions', { actionId: texts(['a', 'a']), player: u32([1, 2]) })],
    ],
    [
      'an infinity in an action',
      /actions\[0\]\.force is out of the range of f32/,
      () => [actions(1, { force: vectorFromArray([Number.POSITIVE_INFINITY], new Float32()) })],
    ],
    [
      'an effect of no action',
      /there is no action 1/,
      () => [actions(1), upsert({ action: u32([0, 1]) })],
    ],
    [
      'an adjust of text',
      /name cannot be added to/,
      () => [arrowStream('unit', 'adjust', { id: u32([1]), name: texts(['a']) })],
    ],
    [
      'a require that is no JSON',
      /tickloom\.require is not JSON/,
      () => [upsert({}, 2, { 'tickloom.require': '{' })],
    ],
    [
      'a require of no column',
      /no column "size"/,
      () => [upsert({}, 2, { 'tickloom.require': '{"size":{"eq":1}}' })],
    ],
    [
      'a require column of no column',
      /is not require\.<column>/,
      () => [upsert({ 'require.size.eq': u32([1, 2]) })],
    ],
    [
      'a require column without operator',
      /is not require\.<column>/,
      () => [upsert({ 'require.owner': u32([1, 2]) })],
    ],
    [
      'a like on numbers',
      /u32 is not compared by like/,
      () => [upsert({ 'require.owner.like': u32([1, 2]) })],
    ],
    [
      'an order of enums',
      /enum is not compared by gt/,
      () => [upsert({ 'require.mode.gt': texts(['RED', 'RED']) })],
    ],
    ['a bad pattern', /backslash/, () => [upsert({ 'require.name.like': texts(['a', '\\']) })]],
    [
      'a NaN to compare with',
      /holds a NaN/,
      () => [upsert({ 'require.health.eq': vectorFromArray([Number.NaN, 1], new Float32()) })],
    ],
    [
      'a null to compare with',
      /holds a null/,
      () => [upsert({ 'require.owner.eq': u32([1, null]) })],
    ],
    [
      'a require on an insert',
      /insert takes no require/,
      () => [arrowStream('unit', 'insert', { id: u32([1]) }, { 'tickloom.require': '{}' })],
    ],
    [
      'a require on an append',
      /append takes no require/,
      () => [
        arrowStream('ledger', 'append', {
          amount: vectorFromArray([1], new Float64()),
          'require.amount.eq': vectorFromArray([1], new Float64()),
        }),
      ],
    ],
    [
      'an action beyond those there are',
      /\(unit upsert\): there is no action 1$/,
      () => [actions(1), upsert({ action: u32([0, 1]) })],
    ],
    [
      'the largest number as an action, which is no name of the tick itself',
      /there is no action 4294967295/,
      () => [actions(1), upsert({ action: u32([0, 0xffff_ffff]) })],
    ],
    [
      'the same beside a null, which is',
      /there is no action 4294967295/,
      () => [actions(1), upsert({ action: u32([null, 0xffff_ffff]) })],
    ],
    [
      'a single byte',
      /stream 0: the body ends within the head of a message$/,
      () => [Uint8Array.of(1)],
    ],
    [
      'a head without its length',
      /stream 0: the body ends within the head of a message$/,
      () => [new Uint8Array(4).fill(0xff)],
    ],
    [
      'too little for a stream behind another',
      /stream 1: the body ends within the head of a message$/,
      () => [actions(1), Buffer.from('xx')],
    ],
    [
      'what is no Arrow at all',
      /no sequence of Arrow streams/,
      () => [Buffer.from('{"actions": []}')],
    ],
  ];
  for (const [name, message, streams] of cases) {
    it(name, () => {
      const error = refusal(...streams());
      expect(error.message).toMatch(message);
      expect(error.code).toBe('BAD_USER_INPUT');
      expect(error.details.path).toMatch(/^(stream \d|require\.|actions\[)/);
    });
  }

  it('text that is not UTF-8', () => {
    const body = upsert({ name: texts(['ABCD', 'EFGH']) });
    const at = Buffer.from(body).indexOf('ABCDEFGH');
    expect(at).toBeGreaterThan(0);
    const broken = body.slice();
    broken[at + 1] = 0xff;
    expect(refusal(broken).message).toMatch(/name is not UTF-8/);
    // Two bytes of one character, shared between two values.
    const torn = body.slice();
    torn.set([0xc3, 0xa4], at + 3);
    expect(refusal(torn).message).toMatch(/name is not UTF-8/);
  });

  it('a column that is there twice', () => {
    const table = new Table({ id: u32([1]), owner: u32([1]), small: u32([1]) });
    const stream = Buffer.from(arrowStream('unit', 'upsert', table));
    const twice = Buffer.from(stream);
    twice.write('owner', stream.indexOf('small'));
    expect(refusal(twice).message).toMatch(/"owner" is there twice/);
  });
});
