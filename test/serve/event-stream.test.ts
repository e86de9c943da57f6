import { Writable } from 'node:stream';
import { type ExecutionResult, GraphQLError } from 'graphql';
import { expect, test } from 'vitest';
import { eventsOf, writePieces } from '../../src/api/graphql/event-stream.ts';
import { FrameText } from '../../src/api/graphql/frame-text.ts';

test('no piece is written before the reader has taken the one before it', async () => {
  const taken: (() => void)[] = [];
  const out = new Writable({
    highWaterMark: 1,
    write: (_piece, _encoding, take) => {
      taken.push(take);
    },
  });
  let asked = 0;
  const pieces = (function* () {
    for (; asked < 50; ) {
      asked += 1;
      yield Buffer.alloc(1_000);
    }
  })();
  const written = writePieces(out, pieces);
  for (let read = 1; read <= 20; read++) {
    expect([asked, taken.length, out.writableLength]).toEqual([read, read, 1_000]);
    taken.at(-1)?.();
    await new Promise((resolve) => setImmediate(resolve));
  }
  out.destroy();
  await written;
  expect(asked).toBeLessThanOrEqual(21 + 1);
});

test('answers are events with their cursor, errors are events without, and the end says why', async () => {
  async function* answers(): AsyncGenerator<FrameText | ExecutionResult, null> {
    yield FrameText.of('{"data":1}', 'here');
    yield new FrameText([Buffer.from('{"data"'), Buffer.from(':2}')], 'there');
    yield { errors: [new GraphQLError('this one')] };
    throw new GraphQLError('no more');
  }
  const frames = Object.assign(answers(), { print: JSON.stringify }) as never;
  const events = [];
  for await (const pieces of eventsOf(frames)) events.push(Buffer.concat(pieces).toString());
  expect(events).toEqual([
    ':\n\n',
    'event: next\ndata: {"data":1}\nid: here\n\n',
    'event: next\ndata: {"data":2}\nid: there\n\n',
    'event: next\ndata: {"errors":[{"message":"this one"}]}\n\n',
    'event: next\ndata: {"errors":[{"message":"no more"}]}\n\n',
    'event: complete\ndata:\n\n',
  ]);
});
