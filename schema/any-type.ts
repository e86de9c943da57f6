/**
 * Types of a manifest are known at run time only. So that Pothos can still check the rest, a
 * column's type is given to it as `JSON`, the scalar whose TypeScript shape is `unknown`.
 */
export type AnyType = 'JSON';

/** A type that is a column's, by its name or reference. */
export function anyType(type: unknown): AnyType {
  return type as AnyType;
}
