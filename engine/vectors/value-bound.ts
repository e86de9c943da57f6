import { EngineError } from '../model/errors.ts';
import { limits } from '../model/limits.ts';

/** What one value may have. */
export interface ValueBound {
  readonly limit: keyof typeof limits;
  readonly max: number;
  readonly unit: 'bytes' | 'elements';
}

export const valueBound: ValueBound = {
  limit: 'valueBytesMax',
  max: limits.valueBytesMax,
  unit: 'bytes',
};
export const listBound: ValueBound = {
  limit: 'listElementsMax',
  max: limits.listElementsMax,
  unit: 'elements',
};

export function tooLong(
  count: number,
  { limit, max, unit }: ValueBound,
  path: string,
): EngineError {
  return new EngineError(
    'LIMIT_EXCEEDED',
    `${path} has ${count} ${unit}; at most ${max} are allowed`,
    { details: { path, limit, max } },
  );
}
