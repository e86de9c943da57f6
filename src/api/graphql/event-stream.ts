import type { Writable } from 'node:stream';
import { GraphQLError } from 'graphql';
import type { AnsweredFrames } from './answered-frames.ts';
import { FrameText } from './frame-text.ts';

/**
 * The answers of a subscription as server-sent events, each in pieces: `next` for each answer, with
 * the cursor as its `id`, by which a client that opens the stream again says what it has seen; then
 * `complete`. Heartbeats keep the stream open, so that it needs no comments to do so.
 */
export async function* eventsOf(
  frames: Pick<AnsweredFrames, typeof Symbol.asyncIterator | 'print'>,
): AsyncGenerator<readonly Buffer[], undefined> {
  // Some browsers tell that a stream is open only when something has come.
  yield [Buffer.from(':\n\n')];
  try {
    for await (const answer of frames) {
      if (answer instanceof FrameText) yield answer.within(nextHead, tailOf(answer.cursor));
      else yield nextEvent(frames.print(answer));
    }
  } catch (error) {
    // The last event says why the stream ends; a stream that breaks off says nothing.
    if (!(error instanceof GraphQLError)) throw error;
    yield nextEvent(frames.print({ errors: [error] }));
  }
  yield [completeEvent];
}

/** The last events of a stream that ends with an error: its text, in JSON. */
export function refusalEvents(error: string): readonly Buffer[] {
  return [...nextEvent(error), completeEvent];
}

/** Writes each piece once the reader has taken those before it; no more when the reader has left. */
export async function writePieces(out: Writable, pieces: Iterable<Buffer>): Promise<void> {
  for (const piece of pieces) {
    if (out.destroyed) return;
    if (!out.write(piece)) await drained(out);
  }
}

const nextHead = Buffer.from('event: next\ndata: ');
const completeEvent = Buffer.from('event: complete\ndata:\n\n');

function nextEvent(text: string): readonly Buffer[] {
  return [nextHead, Buffer.from(text), tailOf(null)];
}

/** An answer with errors has no id, so that its frame is asked for again. */
function tailOf(cursor: string | null): Buffer {
  return Buffer.from(cursor === null ? '\n\n' : `\nid: ${cursor}\n\n`);
}

function drained(out: Writable): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      out.off('drain', done);
      out.off('close', done);
      resolve();
    };
    out.once('drain', done);
    out.once('close', done);
  });
}
