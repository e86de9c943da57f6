import { EngineError } from '../../model/errors.ts';
import type { PlacedType } from './arrow-field.ts';
import { typeName } from './arrow-type.ts';

/** What an Arrow column of a body holds and its column cannot. */
export function misfit(place: string, complaint: string): EngineError {
  return new EngineError('BAD_USER_INPUT', `${place} ${complaint}`, { details: { path: place } });
}

/** An Arrow column of a type that its column does not take. */
export function wrongType(place: string, type: PlacedType, expected: string): EngineError {
  return misfit(place, `is ${typeName(type)}; expected ${expected}`);
}
