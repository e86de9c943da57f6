import { type AccessExplanation, coerceScalar, explainAccess } from '../engine/index.ts';
import { EngineError } from '../engine/model/errors.ts';
import { didYouMean } from '../engine/model/nearest-name.ts';
import type { Row, TableDefinition, Value } from '../engine/model/types.ts';
import { authoriseCapability } from './authorise.ts';
import type { RequestContext } from './context.ts';
import { waitForApplied } from './fresh-reads.ts';
import { keyOfStored, shownKey } from './stored-personal.ts';

export interface ExplainAccessArguments {
  readonly role: string;
  readonly claims?: unknown;
  readonly table: string;
  readonly key?: unknown;
}

/** Why somebody of a role and claims may, or may not, see a row; for who manages roles. */
export async function accessExplanation(
  _root: unknown,
  args: ExplainAccessArguments,
  context: RequestContext,
): Promise<AccessExplanation> {
  authoriseCapability(context, 'roles');
  const { access, catalog } = context.engine;
  const role = access.roles.get(args.role);
  if (role === undefined) {
    const meant = didYouMean(args.role, [...access.roles.keys()]);
    throw invalid('role', `there is no role "${args.role}"; ${meant}`);
  }
  const table = catalog.table(args.table);
  const claims = objectOf(args.claims ?? {}, 'claims');
  if (args.key === null || args.key === undefined) {
    return explainAccess(catalog, role, claims, table);
  }
  if (table.kind !== 'state') throw invalid('key', `rows of "${table.name}" have no key`);
  const asked = keyOf(table, objectOf(args.key, 'key'));
  const key = keyOfStored(context, asked, catalog.columnsOf(table));
  await waitForApplied(context);
  const row = context.engine.state.get(context.ticket, table.name, key);
  return explainAccess(catalog, role, claims, table, row && shownKey(context, table.name, row));
}

function keyOf(table: TableDefinition, given: Readonly<Record<string, unknown>>): Row {
  const key: { [column: string]: Value } = {};
  for (const name of table.key) {
    const column = table.columns.find((candidate) => candidate.name === name);
    if (column === undefined) throw new RangeError(`no key column "${name}" in "${table.name}"`);
    if (!(name in given)) throw invalid('key', `lacks "${name}"; it is ${table.key.join(', ')}`);
    key[name] = coerceScalar(column, given[name], `key.${name}`);
  }
  return key;
}

function objectOf(value: unknown, path: string): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value };
  throw invalid(path, 'must be an object');
}

function invalid(path: string, problem: string): EngineError {
  return new EngineError('BAD_USER_INPUT', `${path}: ${problem}`, { details: { path } });
}
