import type { Row, WhereInput } from '../../model/types.ts';
import type { TickHeader } from '../../tick/tick-batch.ts';

/**
 * A tick as rows: what a GraphQL mutation carries. `buildTickBatch` (batch-builder.ts) turns it
 * into columns in one pass, checking every value against the manifest (`BAD_USER_INPUT` with the
 * path of the value).
 */
export interface TickInput {
  readonly header: TickHeader;
  readonly actions: readonly ActionInput[];
  /** The effects of the tick itself, applied after the actions. */
  readonly effects: readonly EffectInput[];
}

export interface ActionInput {
  readonly actionId: string;
  /** The action table's declared columns; a missing optional column is null. */
  readonly row: Row;
  readonly effects: readonly EffectInput[];
}

/** In a tick, keys leave out `sessionId`; a direct write (`header.tick` null) has its session in the header too. */
export type EffectInput =
  | { readonly op: 'append'; readonly table: string; readonly row: Row }
  | { readonly op: 'insert'; readonly table: string; readonly row: Row }
  | {
      readonly op: 'upsert';
      readonly table: string;
      readonly key: Row;
      readonly set: Row;
      readonly require: WhereInput | null;
    }
  | {
      readonly op: 'compareAndSet';
      readonly table: string;
      readonly key: Row;
      readonly expectedVersion: number;
      readonly set: Row;
      readonly require: WhereInput | null;
    }
  | {
      readonly op: 'adjust';
      readonly table: string;
      readonly key: Row;
      readonly add: Row;
      readonly require: WhereInput | null;
    }
  | {
      readonly op: 'delete';
      readonly table: string;
      readonly key: Row;
      readonly expectedVersion: number | null;
      readonly require: WhereInput | null;
    };
