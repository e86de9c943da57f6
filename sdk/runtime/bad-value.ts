import { TickloomError } from './errors.ts';

/** A value that no request could carry as it is. */
export function badValue(place: string, value: unknown, wanted: string): TickloomError {
  return new TickloomError(
    'BAD_USER_INPUT',
    `${place}: ${shown(value)} cannot be sent; it must be ${wanted}`,
    { details: { place } },
  );
}

const shownMax = 40;

function shown(value: unknown): string {
  if (typeof value === 'object' && value !== null)
    return Array.isArray(value) ? 'a list' : 'an object';
  const text = String(value);
  return text.length > shownMax ? `${text.slice(0, shownMax)}…` : text;
}
