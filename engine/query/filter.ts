import type { Scalar } from '../model/types.ts';

/**
 * The filter language of `where` and `require` as a checked tree. Values have the column's
 * in-memory shape (`Scalar`). Three-valued logic is not exposed: a comparison with null is false,
 * `ne` too; only `isNull` sees nulls; `not` negates the truth of its inside.
 */
export type Filter =
  | { readonly kind: 'and'; readonly all: readonly Filter[] }
  | { readonly kind: 'or'; readonly any: readonly Filter[] }
  | { readonly kind: 'not'; readonly inner: Filter }
  | {
      readonly kind: 'compare';
      readonly column: string;
      readonly op: CompareOp;
      readonly value: Scalar;
    }
  | { readonly kind: 'in'; readonly column: string; readonly values: readonly Scalar[] }
  /** Inclusive at both ends. */
  | {
      readonly kind: 'between';
      readonly column: string;
      readonly low: Scalar;
      readonly high: Scalar;
    }
  | { readonly kind: 'isNull'; readonly column: string; readonly isNull: boolean };

/** `like`: SQL's, `%` any run, `_` one character, `\` escapes; strings only. */
export type CompareOp = 'eq' | 'ne' | 'lt' | 'lte' | 'gt' | 'gte' | 'like';

export const filterTrue: Filter = { kind: 'and', all: [] };
