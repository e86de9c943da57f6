import {
  Binary,
  BinaryView,
  Bool,
  Dictionary,
  Field,
  FixedSizeBinary,
  Float32,
  Float64,
  Int32,
  Int64,
  LargeList,
  LargeUtf8,
  List,
  Null,
  Table,
  TimestampMicrosecond,
  Uint8,
  Uint32,
  Utf8,
  Utf8View,
  vectorFromArray,
} from 'apache-arrow';
import { arrowBody, arrowStream } from './arrow-body.ts';
import { actions, texts, time, u32, upsert } from './bodies.ts';

const long = 'a text longer than twelve bytes';

/** Two rows under a dictionary of their own: in a stream each batch replaces the one before. */
function part(from: number): Table {
  return new Table({
    id: u32([from, from + 1]),
    name: texts([`nä${from}`, null]),
    mode: vectorFromArray(
      ['RED', from > 1 ? 'BLUE' : 'GREEN'],
      new Dictionary(new Utf8(), new Uint8()),
    ),
    blob: vectorFromArray([null, Uint8Array.of(from)], new Binary()),
    ready: vectorFromArray([true, from > 1], new Bool()),
  });
}

/** Bodies that are accepted, between them of every layout that a column takes. */
export const manyLayouts: readonly Uint8Array[] = [
  arrowBody(
    actions(5, {
      kind: vectorFromArray(
        ['RED', 'RED', null, 'BLUE', 'RED'],
        new Dictionary(new Utf8(), new Int32()),
      ),
      units: vectorFromArray(
        [[1, 2], [], null, [3], [4]],
        new List(new Field('item', new Uint32(), false)),
      ),
      force: vectorFromArray([1, 2, null, 4, 5], new Float32()),
    }),
    upsert(
      {
        action: u32([4, 0, null, 1, 0]),
        name: texts(['a', null, 'c', '', 'é']),
        ready: vectorFromArray([true, null, false, true, true], new Bool()),
        'require.owner.eq': u32([1, 2, 3, 4, 5]),
      },
      5,
      { 'tickloom.require': '{"health":{"gt":0}}' },
    ),
  ),
  arrowBody(arrowStream('unit', 'upsert', part(0).concat(part(2), part(4)))),
  arrowBody(
    upsert(
      {
        name: vectorFromArray(['ä', null, '', 'b', long], new LargeUtf8()),
        wide: vectorFromArray([1, null, -7, 3, 4], new Int32()),
        small: vectorFromArray([1n, 255n, 3n, 4n, 5n], new Int64()),
        health: vectorFromArray([0.1, null, 1, 2, 3], new Float64()),
        owner: vectorFromArray([null, null, null, null, null], new Null()),
        token: vectorFromArray(
          [new Uint8Array(16), null, new Uint8Array(16).fill(7), null, new Uint8Array(16)],
          new FixedSizeBinary(16),
        ),
        extra: texts(['{}', null, '[1]', '1', '"a"']),
        mode: texts(['RED', null, 'BLUE', 'RED', 'GREEN']),
      },
      5,
    ),
  ),
  arrowBody(
    actions(4, {
      units: vectorFromArray(
        [[1, 2], null, [], [3]],
        new LargeList(new Field('item', new Uint32(), true)),
      ),
      kind: vectorFromArray(['RED', null, 'BLUE', 'RED'], new Utf8View()),
    }),
    upsert(
      {
        born: time(new TimestampMicrosecond(), -1_234_567n),
        extra: vectorFromArray(['{"a":1}'], new Dictionary(new Utf8(), new Int32())),
      },
      1,
    ),
    upsert(
      {
        name: vectorFromArray(['short', null, long, `${long}s`], new Utf8View()),
        blob: vectorFromArray(
          [null, new Uint8Array(20).fill(3), Uint8Array.of(), Uint8Array.of(1)],
          new BinaryView(),
        ),
        ready: vectorFromArray([true, false, null, true], new Bool()),
      },
      4,
    ),
  ),
  arrowBody(
    arrowStream('unit', 'delete', { action: u32([null]), id: u32([9]), expectedVersion: u32([4]) }),
    upsert({}, 0),
    arrowStream('ledger', 'append', { amount: vectorFromArray([1, 2.5, 3], new Float64()) }),
  ),
];
