import { EngineError } from '../../../model/errors.ts';

/** A place in a user's text as editors show it: both count from 1, columns in UTF-16 units. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

/** What a user's SQL may not do, named, with its place where that is known. */
export function refused(what: string, place?: Place): EngineError {
  const where = place ? ` (line ${place.line}, column ${place.column})` : '';
  return new EngineError('BAD_USER_INPUT', `SQL: ${what}${where}`, {
    details: place ? { line: place.line, column: place.column } : {},
  });
}
