import type { GraphQLResolveInfo, SelectionNode } from 'graphql';
import { EngineError } from '../engine/model/errors.ts';
import type { AuditAction, AuditEvent, AuditOutcome } from './audit-event.ts';
import type { RequestContext } from './context.ts';

export type Asker = Pick<RequestContext, 'principal' | 'audit' | 'ticket'>;

/** What is told of something that was done, beside who did it. */
export type Told = Partial<
  Pick<
    AuditEvent,
    'table' | 'columns' | 'lsn' | 'rowsRead' | 'bytesRead' | 'rowsWritten' | 'code' | 'details'
  >
>;

/** Records what somebody did. */
export function recordAudit(
  { principal, audit, ticket }: Asker,
  action: AuditAction,
  outcome: AuditOutcome,
  told: Told,
): void {
  audit.record({
    action,
    outcome,
    subject: principal.subject,
    role: principal.role?.name ?? null,
    requestId: ticket.trace.requestId,
    queryClass: ticket.queryClass,
    details: {},
    ...told,
  });
}

/**
 * Does something that is recorded, however it ends; nothing of it where it could not be recorded.
 * `told` is known before, `toldOf` what is known once it is done.
 */
export async function audited<T>(
  asker: Asker,
  action: AuditAction,
  told: Told,
  work: () => Promise<T>,
  toldOf: (result: T) => Told & { readonly outcome?: AuditOutcome } = () => ({}),
): Promise<T> {
  const result = await auditedFailure(asker, action, told, work);
  const { outcome = 'done', ...more } = toldOf(result);
  const details = { ...told.details, ...more.details };
  recordAudit(asker, action, outcome, { ...told, ...more, details });
  return result;
}

/**
 * Does something that its own record of the title's log tells of; recorded here is where it failed.
 * Nothing of it is done where that could not be recorded.
 */
export async function auditedFailure<T>(
  asker: Asker,
  action: AuditAction,
  told: Told,
  work: () => Promise<T>,
): Promise<T> {
  asker.audit.admit();
  try {
    return await work();
  } catch (error) {
    const code = error instanceof EngineError ? error.code : 'INTERNAL';
    // Whoever refused it has recorded that.
    if (code !== 'FORBIDDEN') recordAudit(asker, action, 'failed', { ...told, code });
    throw error;
  }
}

type Resolver<Args, Result> = (
  root: unknown,
  args: Args,
  context: RequestContext,
  info: GraphQLResolveInfo,
) => Promise<Result>;

/** A field that reads, recorded for roles that ask for it (`auditReads`). */
export function auditedRead<Args, Result>(
  action: AuditAction,
  table: string,
  rowsOf: (result: Result) => number,
  resolve: Resolver<Args, Result>,
): Resolver<Args, Result> {
  return (root, args, context, info) => {
    const read = () => resolve(root, args, context, info);
    if (!auditsReads(context)) return read();
    const told = { table, columns: selectedNames(info) };
    return audited(context, action, told, read, (result) => ({ rowsRead: rowsOf(result) }));
  };
}

export function auditsReads({ principal }: RequestContext): boolean {
  return principal.role?.auditReads === true;
}

/** Fields around the columns of a list or of groups, which name no column. */
const wrappers: ReadonlySet<string> = new Set([
  'nodes',
  'edges',
  'node',
  'rows',
  'key',
  'pageInfo',
  'cursor',
]);
/** A name for each column of a table, and its aggregates. */
const namesMax = 200;

/** The names of all that is selected below a field, each once. */
export function selectedNames(info: GraphQLResolveInfo): string[] {
  const names = new Set<string>();
  const seen = new Set<string>();
  const visit = (selections: readonly SelectionNode[] | undefined): void => {
    for (const selection of selections ?? []) {
      if (names.size >= namesMax) return;
      if (selection.kind === 'FragmentSpread') {
        const name = selection.name.value;
        if (seen.has(name)) continue;
        seen.add(name);
        visit(info.fragments[name]?.selectionSet.selections);
        continue;
      }
      if (selection.kind === 'Field') {
        const name = selection.name.value;
        if (!wrappers.has(name) && !name.startsWith('__')) names.add(name);
      }
      visit(selection.selectionSet?.selections);
    }
  };
  for (const node of info.fieldNodes) visit(node.selectionSet?.selections);
  return [...names];
}
