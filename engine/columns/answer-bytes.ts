import type { Readable } from 'node:stream';
import { extractErrorAtTheEndOfChunk } from '@clickhouse/client';

/**
 * The bytes of a streamed answer. A query that fails on its way says so in the last bytes, behind
 * a mark named in the answer's head; they are held back until it is known that they are data.
 */
export async function* answerBytes(
  stream: Readable,
  exceptionTag: string | null,
  explain: (error: unknown) => unknown,
): AsyncGenerator<Uint8Array> {
  const mark =
    exceptionTag === null ? null : Buffer.from(`\r\n__exception__\r\n${exceptionTag}\r\n`);
  const held: Buffer[] = [];
  let heldBytes = 0;
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      if (mark === null) {
        yield chunk;
        continue;
      }
      held.push(chunk);
      heldBytes += chunk.byteLength;
      for (
        let first = held[0];
        first && heldBytes - first.byteLength >= tailBytes;
        first = held[0]
      ) {
        held.shift();
        heldBytes -= first.byteLength;
        yield first;
      }
    }
  } catch (error) {
    throw explain(error);
  } finally {
    stream.destroy();
  }
  const tail = Buffer.concat(held);
  if (mark !== null && exceptionTag !== null && tail.includes(mark)) {
    throw explain(extractErrorAtTheEndOfChunk(tail, exceptionTag));
  }
  if (tail.byteLength > 0) yield tail;
}

/** The whole message of an error is shorter than this. */
const tailBytes = 32 * 1024;
