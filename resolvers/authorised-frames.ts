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
  let current = Promise.resolve(await open(context, cursor));
  const stop = context.onAskerChange(({ principal, ticket }) => {
    const before = current;
    current = before
      .then((frames) => frames.return?.())
      .then(() => open({ ...context, principal, ticket }, lastCursor));
    // Whoever waits for a frame gets the refusal.
    current.catch(() => {});
  });
  const end = async (): Promise<IteratorResult<Frame>> => {
    stop();
    const frames = await current.catch(() => null);
    await frames?.return?.();
    return { done: true, value: undefined };
  };
  const following: Frames = {
    async next() {
      for (;;) {
        const asked = current;
        try {
          const step = await (await asked).next();
          // It was made for who the principal was before.
          if (asked !== current) continue;
          if (step.done === true) stop();
          else lastCursor = step.value.cursor;
          return step;
        } catch (error) {
          if (asked !== current) continue;
          stop();
          throw error;
        }
      }
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
