import type { Erasure } from '../engine/index.ts';
import { EngineError } from '../engine/model/errors.ts';
import { limits } from '../engine/model/limits.ts';
import type { Row, TableDefinition, Value } from '../engine/model/types.ts';
import { audited } from './audited.ts';
import { authoriseCapability, authoriseShow } from './authorise.ts';
import type { RequestContext } from './context.ts';
import { shownPersonal } from './stored-personal.ts';

/** A personal column in an answer; `table`: the one whose rules for single columns hold, if any. */
export function personalColumnValue(table: TableDefinition | null, name: string) {
  return (row: Row, _args: unknown, context: RequestContext): Value => {
    const value = row[name] ?? null;
    const as = table === null ? 'plain' : authoriseShow(context, table, name);
    if (as !== 'plain' && table !== null) {
      return context.masks.shown(value, table.name, name, as);
    }
    return shownPersonal(context, value);
  };
}

/** What is stored for `{ personal: "…" }` among the parameters of SQL; null of any other parameter. */
export function storedPersonal(context: RequestContext, given: unknown): readonly string[] | null {
  const { personal } = context.engine;
  if (!personal.hasColumns || typeof given !== 'object' || given === null) return null;
  const [[name, value] = [], ...others] = Object.entries(given);
  if (name !== 'personal' || typeof value !== 'string' || others.length > 0) return null;
  authoriseCapability(context, 'personal');
  const tokens = personal.tokensOf(value, limits.filterTermsMax);
  if (tokens.length <= limits.filterTermsMax) return tokens;
  throw new EngineError(
    'LIMIT_EXCEEDED',
    `more than ${limits.filterTermsMax} people have this value; ask by the column that names the person`,
    { details: { limit: 'filterTermsMax', max: limits.filterTermsMax } },
  );
}

/** Erases what is stored of a person. */
export async function eraseSubject(
  _root: unknown,
  args: { readonly subject: string },
  context: RequestContext,
): Promise<Erasure> {
  authoriseCapability(context, 'erase');
  const { personal } = context.engine;
  context.ticket.check();
  // Who was erased is not recorded: the audit log cannot forget either.
  return audited(
    context,
    'personal.erase',
    {},
    () => personal.erase(args.subject),
    (erasure) => ({
      details: { values: erasure.values },
    }),
  );
}
