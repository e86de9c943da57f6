import SchemaBuilder from '@pothos/core';
import type { Lsn } from '../engine/model/position.ts';
import type { RequestContext } from '../resolvers/context.ts';
import { scalarTypes } from './scalars.ts';

/** What Pothos knows of the scalars and of what resolvers get. */
export interface ApiTypes {
  Context: RequestContext;
  DefaultFieldNullability: false;
  Scalars: {
    ID: { Input: string; Output: string };
    BigInt: { Input: bigint; Output: bigint | number };
    DateTime: { Input: number; Output: number };
    Position: { Input: string; Output: string | Lsn };
    JSON: { Input: unknown; Output: unknown };
    Bytes: { Input: Uint8Array; Output: Uint8Array };
  };
}

/** The Pothos builder of one title's schema, with the scalars of the contract on it. */
export function createBuilder() {
  const builder = new SchemaBuilder<ApiTypes>({ defaultFieldNullability: false });
  builder.addScalarType('BigInt', scalarTypes.BigInt);
  builder.addScalarType('DateTime', scalarTypes.DateTime);
  builder.addScalarType('Position', scalarTypes.Position);
  builder.addScalarType('JSON', scalarTypes.JSON);
  builder.addScalarType('Bytes', scalarTypes.Bytes);
  return builder;
}

export type Builder = ReturnType<typeof createBuilder>;
