import { EngineError } from '../../engine/model/errors.ts';
import type { Exchange } from './exchange.ts';
import { type BodyLimit, readBody } from './read-body.ts';

/** The JSON object that a request's body is. Rejects with `BAD_USER_INPUT` and `LIMIT_EXCEEDED`. */
export async function readJsonInput(
  { request }: Exchange,
  limit: BodyLimit,
): Promise<Readonly<Record<string, unknown>>> {
  const text = String(await readBody(request, limit));
  let input: unknown;
  try {
    input = JSON.parse(text);
  } catch (cause) {
    throw new EngineError('BAD_USER_INPUT', 'the body is not JSON', { cause });
  }
  if (typeof input === 'object' && input !== null) return { ...input };
  throw new EngineError('BAD_USER_INPUT', 'the body must be an object');
}
