import { EngineError } from '../../model/errors.ts';
import type { ArrowType } from './arrow-field.ts';

/** What an Arrow column of a body holds and its column cannot. */
export function misfit(place: string, complaint: string): EngineError {
  return new EngineError('BAD_USER_INPUT', `${place} ${complaint}`, { details: { path: place } });
}

/** An Arrow column of a type that its column does not take. */
export function wrongType(place: string, type: ArrowType, expected: string): EngineError {
  return misfit(place, `is ${type.name}; expected ${expected}`);
}
