import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { asLsn } from '../../engine/model/position.ts';
import { conflictCodes } from '../../engine/model/system-columns.ts';
import type { Row, Scalar } from '../../engine/model/types.ts';
import type { Condition } from '../../engine/query/condition.ts';
import { rowPredicate } from '../../engine/query/row-predicate.ts';
import { operatorsOf, type WhereOperator } from '../../engine/query/where-operators.ts';
import type { ChangeSet } from '../../engine/state/change-set.ts';
import { actionBatchColumns } from '../../engine/tick/tick-record.ts';
import { VectorBuilder } from '../../engine/vectors/vector-builder.ts';
import { compileRowMask } from '../../engine/views/sources/row-mask.ts';
import { TableSource } from '../../engine/views/sources/table-source.ts';
import { runs } from '../budget.ts';
import { actionRow, catalog, texts, uuids } from './world.ts';

const table = catalog.actionTable;
const columns = catalog.columnsOf(table);

/** Values that occur in the rows, and some beside them. */
const operands: Readonly<Record<string, readonly Scalar[]>> = {
  sessionId: ['match-0', 'match-1'],
  tick: [6, 7, 8],
  seq: [0, 1, 4],
  position: ['0:9', '0:10'],
  committedAt: [4_999, 5_000],
  actionId: ['0', '1', 'x'],
  accepted: [true, false],
  conflict: conflictCodes,
  playerId: [0, 1, 2, 3],
  kind: ['MOVE', 'ATTACK', 'STOP'],
  team: [-2, 0, 2],
  urgent: [true, false],
  item: uuids,
  note: [...texts, '%a', '_', 'b%'],
  score: [-3n, 0n, 3n, 2n ** 62n],
  mass: [0n, 3n, 2n ** 63n],
  weight: [0, 0.5, 1.5, 2],
  plannedAt: [-5, 0, 5_000],
};

const leaf: fc.Arbitrary<Condition> = fc
  .constantFrom(...[...columns.values()].map((column) => column.name))
  .chain((name) => {
    const column = columns.get(name);
    if (!column) throw new Error(name);
    const values = fc.constantFrom(...(operands[name] ?? ['unused']));
    return fc.constantFrom(...operatorsOf(column)).chain((op) => filterOf(name, op, values));
  });

function filterOf(
  column: string,
  op: WhereOperator,
  values: fc.Arbitrary<Scalar>,
): fc.Arbitrary<Condition> {
  switch (op) {
    case 'isNull':
      return fc.boolean().map((isNull) => ({ kind: 'isNull', column, isNull }));
    case 'in':
      return fc
        .array(values, { maxLength: 12, size: 'max' })
        .map((list) => ({ kind: 'in', column, values: list }));
    case 'between':
      return fc
        .tuple(values, values)
        .map(([low, high]) => ({ kind: 'between', column, low, high }));
    default:
      return values.map((value) => ({ kind: 'compare', column, op, value }));
  }
}

const filter: fc.Arbitrary<Condition> = fc.letrec<{ filter: Condition }>((tie) => ({
  filter: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    leaf,
    fc.array(tie('filter'), { maxLength: 3 }).map((all) => ({ kind: 'and' as const, all })),
    fc.array(tie('filter'), { maxLength: 3 }).map((any) => ({ kind: 'or' as const, any })),
    tie('filter').map((inner) => ({ kind: 'not' as const, inner })),
  ),
})).filter;

const verdicts = fc.array(fc.integer({ min: 0, max: conflictCodes.length }), {
  minLength: 12,
  maxLength: 12,
});

function changeSet(rows: readonly Row[], rowVerdicts: Uint8Array): ChangeSet {
  const vectors = actionBatchColumns(table).map((column) => {
    const builder = new VectorBuilder(column);
    rows.forEach((row, index) => {
      builder.push(column.name === 'actionId' ? `${index}` : row[column.name], () => column.name);
    });
    return builder.build();
  });
  const batch = { length: rows.length, vectors };
  return {
    lsn: asLsn(9),
    sessionId: 'match-1',
    tick: 7,
    committedAtMs: 5_000,
    actions: { table, rows: batch, verdicts: rowVerdicts, accepted: 0 },
    events: [],
    states: [],
  };
}

describe('a row mask', () => {
  test('marks exactly the rows that the same filter holds for, row by row', () => {
    const source = new TableSource(catalog, table);
    fc.assert(
      fc.property(
        fc.array(actionRow, { minLength: 1, maxLength: 12 }),
        verdicts,
        filter,
        (...input) => {
          const [rows, codes, tested] = input;
          source.load(changeSet(rows, Uint8Array.from(codes)));
          const mask = new Uint8Array(rows.length).fill(7);
          compileRowMask(tested, columns)(source, mask);
          const holds = rowPredicate(tested);
          const expected = rows.map((row, seq) => {
            const code = codes[seq] as number;
            return Number(
              holds({
                ...row,
                sessionId: 'match-1',
                tick: 7,
                seq,
                position: '0:9',
                committedAt: 5_000,
                actionId: `${seq}`,
                accepted: code === 0,
                conflict: conflictCodes[code - 1] ?? null,
              }),
            );
          });
          expect([...mask]).toEqual(expected);
        },
      ),
      { numRuns: runs(1_500) },
    );
  });
});
