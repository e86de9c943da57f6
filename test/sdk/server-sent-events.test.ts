import fc from 'fast-check';
import { expect, it } from 'vitest';
import { readServerSentEvents } from '../../sdk/runtime/server-sent-events.ts';

function streamOf(chunks: readonly Uint8Array[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(chunk);
      controller.close();
    },
  });
}

async function read(chunks: readonly Uint8Array[]) {
  const events: [string, string][] = [];
  for await (const { type, data } of readServerSentEvents(streamOf(chunks))) {
    events.push([type, data]);
  }
  return events;
}

const text = (value: string) => new TextEncoder().encode(value);

it('reads events, comments, and data of several lines', async () => {
  const stream = ':\n\nevent: next\ndata: {"a":\ndata:1}\n\ndata: x\n\nevent: complete\ndata:\n\n';
  expect(await read([text(stream)])).toEqual([
    ['comment', ''],
    ['next', '{"a":\n1}'],
    ['message', 'x'],
    ['complete', ''],
  ]);
});

it('drops an event that the end of the stream cuts off', async () => {
  expect(await read([text('data: whole\n\ndata: ha')])).toEqual([['message', 'whole']]);
});

it('reads the same events however the bytes are cut and the lines end', async () => {
  const lines = [
    'event: next',
    'data: größe 🙂',
    '',
    'data: a',
    'data:',
    '',
    ': hi',
    '',
    'data: z',
  ];
  const cut = fc.record({
    newline: fc.constantFrom('\n', '\r\n', '\r'),
    sizes: fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }),
  });
  await fc.assert(
    fc.asyncProperty(cut, async ({ newline, sizes }) => {
      const bytes = text(`${lines.join(newline)}${newline}${newline}`);
      const chunks: Uint8Array[] = [];
      for (let at = 0, i = 0; at < bytes.length; i += 1) {
        const size = sizes[i % sizes.length] ?? 1;
        chunks.push(bytes.subarray(at, at + size));
        at += size;
      }
      const events = await read(chunks);
      expect(events).toEqual([
        ['next', 'größe 🙂'],
        ['message', 'a\n'],
        ['comment', ''],
        ['message', 'z'],
      ]);
    }),
  );
});
