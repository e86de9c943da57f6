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
  let held: Buffer = Buffer.alloc(0);
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      if (mark === null) {
        yield chunk;
        continue;
      }
      // The whole message of an error is shorter than what is held.
      const joined = held.byteLength === 0 ? chunk : Buffer.concat([held, chunk]);
      const keep = Math.min(joined.byteLength, heldBytes);
      if (joined.byteLength > keep) yield joined.subarray(0, joined.byteLength - keep);
      held = joined.subarray(joined.byteLength - keep);
    }
  } catch (error) {
    throw explain(error);
  } finally {
    stream.destroy();
  }
  if (mark !== null && exceptionTag !== null && held.includes(mark)) {
    throw explain(extractErrorAtTheEndOfChunk(held, exceptionTag));
  }
  if (held.byteLength > 0) yield held;
}

const heldBytes = 32 * 1024;
