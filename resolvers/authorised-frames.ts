import type { Frame } from '../engine/index.ts';
import type { RequestContext } from './context.ts';

type Frames = AsyncIterableIterator<Frame>;

/**
 * Opens frames of what the principal of `context` may see, from after `cursor`; null: from the
 * beginning. Rejects with why it may see none.
 */
export type OpenFrames = (context: RequestContext, cursor: string | null) => Promise<Frames>;

/**
 * Frames that follow the principal: when its role or claims change, what was open ends at once, and
 * is opened anew after the last frame that was handed over. A cursor knows the condition that its
 * frames had: where the rows that may be seen are others now, the next frame is a RESET with all of
 * them, so that the others leave the client's copy. Where none may be seen any more, the frames end
 * with the refusal.
 */
export async function followPrincipal(
  context: RequestContext,
  cursor: string | null,
  open: OpenFrames,
): Promise<Frames> {
  let lastCursor = cursor;
  let current: Promise<Frames | null> = Promise.resolve(null);
  const stop = context.followAsker(({ principal, ticket }) => {
    current = ended(current).then(() => open({ ...context, principal, ticket }, lastCursor));
    // Whoever waits for a frame gets the refusal.
    current.catch(() => {});
  });
  /** What `read` makes of the frames that are open, once it was made for who the principal is now. */
  const ofNow = async <T>(read: (frames: Frames) => Promise<T>): Promise<T> => {
    for (;;) {
      const asked = current;
      try {
        const frames = await asked;
        if (frames === null) throw new RangeError('nobody asks');
        const made = await read(frames);
        if (asked === current) return made;
      } catch (error) {
        if (asked !== current) continue;
        stop();
        throw error;
      }
    }
  };
  const end = async (): Promise<IteratorResult<Frame>> => {
    stop();
    await ended(current);
    return { done: true, value: undefined };
  };
  // What is refused at once is refused before it is a stream.
  await ofNow(async () => undefined);
  const following: Frames = {
    async next() {
      const step = await ofNow((frames) => frames.next());
      if (step.done === true) stop();
      else lastCursor = step.value.cursor;
      return step;
    },
    return: end,
    throw: async (error: unknown) => {
      await end();
      throw error;
    },
    [Symbol.asyncIterator]() {
      return following;
    },
  };
  return following;
}

/** Resolves once the frames are closed, if there are any. */
async function ended(frames: Promise<Frames | null>): Promise<void> {
  const open = await frames.catch(() => null);
  await open?.return?.();
}
