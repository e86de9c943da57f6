import { EngineError } from '../errors.ts';

/** What an Arrow column of a body holds and its column cannot. */
export function misfit(place: string, complaint: string): EngineError {
  return new EngineError('BAD_USER_INPUT', `${place} ${complaint}`, { details: { path: place } });
}

/** Refuses a buffer that a damaged or dishonest message cut short: it would read as zeros. */
export function requireElements(
  buffer: ArrayLike<unknown> | null | undefined,
  count: number,
  place: string,
): void {
  if ((buffer?.length ?? 0) < count) throw misfit(place, `is cut short`);
}
