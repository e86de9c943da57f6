import { type Condition, conditionTerms, parseWhere, type Work } from '../engine/index.ts';
import { EngineError } from '../engine/model/errors.ts';
import { limits } from '../engine/model/limits.ts';
import type { ColumnDefinition, WhereInput } from '../engine/model/types.ts';
import type { RequestContext } from './context.ts';
import { withinClass } from './query-bounds.ts';
import { askedOfStored } from './stored-personal.ts';

/**
 * Work of a request on the main thread: in slices, within what the operation may cost and the time
 * of its class, and no longer than its client waits. `mend` tells how to ask for less.
 */
export async function runBounded<T>(
  context: RequestContext,
  work: Work<T>,
  mend: string,
): Promise<T> {
  return context.engine.turns.run(withinClass(context.ticket), work, () => tooMuch(mend));
}

/** Counts rows of an answer, which cost time when they are printed. */
export function answerRows(context: RequestContext, rows: number): void {
  if (context.ticket.budget.spend(rows * limits.rowAnsweredUnits)) return;
  throw tooMuch('ask for fewer rows at once: a smaller first, fewer fields, or an export');
}

/** The condition of a `where`; null where all matches, so that engines need not look at an empty one. */
export async function conditionOf(
  context: RequestContext,
  where: WhereInput | null | undefined,
  columns: ReadonlyMap<string, ColumnDefinition>,
  path = 'where',
): Promise<Condition | null> {
  const asked = await parsedCondition(context, where, columns, path);
  return asked && askedOfStored(context, asked, columns);
}

/** The condition as it is written: on values of persons, which nothing stores. */
export async function parsedCondition(
  context: RequestContext,
  where: WhereInput | null | undefined,
  columns: ReadonlyMap<string, ColumnDefinition>,
  path: string,
): Promise<Condition | null> {
  if (where === null || where === undefined) return null;
  return runBounded(context, parsed(where, columns, path), 'name fewer values in where');
}

/** Parses in steps: one condition may stand at a thousand fields, as one variable. */
function* parsed(
  where: WhereInput,
  columns: ReadonlyMap<string, ColumnDefinition>,
  path: string,
): Work<Condition> {
  // A budget that is spent already is noticed here.
  yield 1;
  const condition = parseWhere(columns, where, path);
  yield conditionTerms(condition) * limits.termParsedUnits;
  return condition;
}

function tooMuch(mend: string): EngineError {
  const max = limits.operationUnitsMax;
  return new EngineError(
    'LIMIT_EXCEEDED',
    `the operation takes more than ${max} comparisons, all its fields together; ${mend}`,
    { details: { limit: 'operationUnitsMax', max } },
  );
}
