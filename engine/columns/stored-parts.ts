import { kindOf, partColumns } from '../model/kinds.ts';
import type { ColumnDefinition, Scalar } from '../model/types.ts';
import { type ArrowType, fieldOf } from '../vectors/arrow/arrow-type.ts';
import { structOf } from '../vectors/part-vector.ts';
import type { StoredForm } from './stored-kinds.ts';

/**
 * Values of parts lie in ClickHouse as tuples with a name for each part, so that SQL says
 * `velocity.x`. A tuple is never null itself: of a row without a value all parts are.
 */
export const partsForm: StoredForm = {
  nullableType: (column) => {
    const parts = partColumns(column).map(
      (part, i) => `${kindOf(column).parts?.names[i]} Nullable(${kindOf(part).clickHouse})`,
    );
    return `Tuple(${parts.join(', ')})`;
  },
  shipped: structType,
  toShip: (vector) => (vector.layout === 'strided' ? structOf(vector) : vector),
  exported: { type: structType, sql: (sql) => sql },
  parameter: ({ name }) => {
    throw new RangeError(`"${name}" is compared by its parts`);
  },
  read: (json, column) => {
    const given = json as { readonly [part: string]: unknown };
    const value: { [part: string]: number } = {};
    for (const name of kindOf(column).parts?.names ?? []) {
      if (given[name] === null) return null;
      // ClickHouse writes the shortest digits that give the same f32.
      value[name] = Math.fround(Number(given[name]));
    }
    return value as Scalar;
  },
};

function structType(column: ColumnDefinition): ArrowType {
  const { parts } = kindOf(column);
  const fields = partColumns(column).map((part, i) => ({
    ...fieldOf(part),
    name: parts?.names[i] ?? part.name,
  }));
  return { kind: 'struct', fields };
}
