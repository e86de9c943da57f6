import { EngineError } from './errors.ts';

/**
 * Whether every number in a parsed JSON value is, as far as can be told, the one that was written:
 * finite, and a whole number only up to 2^53. `JSON.parse`, GraphQL literals and whoever reads the
 * value later make doubles of numbers, so 1e400 and 9007199254740993 would come out as others.
 * The value must nest no deeper than what a stack holds.
 */
export function holdsExactNumbers(value: unknown): boolean {
  if (typeof value === 'number') return Number.isSafeInteger(value) || isFraction(value);
  if (typeof value !== 'object' || value === null) return true;
  const members = value as Readonly<Record<string, unknown>>;
  for (const name in members) if (!holdsExactNumbers(members[name])) return false;
  return true;
}

function isFraction(value: number): boolean {
  return Number.isFinite(value) && !Number.isInteger(value);
}

/** The error for a JSON value with a number that would not be kept as it was written. */
export function jsonNumberChanges(path: string): EngineError {
  return new EngineError(
    'BAD_USER_INPUT',
    `${path}: a number in it is too large to be kept as it is written; write whole numbers past 2^53, and numbers past 1.7e308, as strings`,
    { details: { path } },
  );
}
