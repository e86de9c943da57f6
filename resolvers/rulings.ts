import { type AccessDifference, planAccess, type Revocation, roleJson } from '../engine/index.ts';
import { EngineError } from '../engine/model/errors.ts';
import { limits } from '../engine/model/limits.ts';
import { asLsn, type Lsn, parsePosition } from '../engine/model/position.ts';
import type { RoleDefinition } from '../engine/model/types.ts';
import { audited } from './audited.ts';
import { appendGuard, authoriseCapability } from './authorise.ts';
import type { RequestContext } from './context.ts';

/** The roles in force, and since when. */
export interface AccessNow {
  readonly lsn: Lsn;
  readonly roles: readonly RoleNow[];
}

export interface RoleNow {
  readonly role: RoleDefinition;
  /** The manifest's own, of which nothing was ruled. */
  readonly isOfManifest: boolean;
}

export interface AccessInput {
  readonly roles?: unknown;
  readonly remove?: readonly string[] | null | undefined;
  readonly follow?: readonly string[] | null | undefined;
  readonly expectedPosition?: string | null | undefined;
}

/** What a change of access did, or would do. */
export interface AccessChanged {
  readonly lsn: Lsn;
  readonly applied: boolean;
  readonly differences: readonly AccessDifference[];
}

export function accessNow(_root: unknown, _args: unknown, context: RequestContext): AccessNow {
  authoriseCapability(context, 'roles');
  const { access, catalog } = context.engine;
  const roles = [...access.roles.values()].map((role) => {
    return { role, isOfManifest: catalog.roles.get(role.name) === role };
  });
  return { lsn: access.lsn, roles };
}

/**
 * Changes roles, or tells what a change would do. Answered once the change is in force: what was
 * allowed before has been applied or refused, and questions of the column store that run in a role
 * that lost something are stopped.
 */
export async function applyAccess(
  _root: unknown,
  { input, dryRun }: { readonly input: AccessInput; readonly dryRun?: boolean | null | undefined },
  context: RequestContext,
): Promise<AccessChanged> {
  authoriseCapability(context, 'roles');
  const { access, catalog } = context.engine;
  const lsn = access.lsn;
  const { expectedPosition } = input;
  if (expectedPosition !== null && expectedPosition !== undefined) {
    const expected = asLsn(parsePosition(expectedPosition, 'input.expectedPosition'));
    if (expected !== lsn) throw changedSince(expectedPosition, lsn);
  }
  checkCount('input.remove', input.remove);
  checkCount('input.follow', input.follow);
  const { roles } = input;
  const asked = { roles, remove: input.remove ?? [], follow: input.follow ?? [] };
  const { patch, differences } = planAccess(catalog, access.roles, asked);
  const isNothing = patch.set.length + patch.remove.length + patch.follow.length === 0;
  if (dryRun === true || isNothing) return { lsn, applied: false, differences };
  const told = {
    roles: [...patch.set.map(({ name }) => name), ...patch.remove, ...patch.follow],
    differences: differences.length,
  };
  const changed = await audited(
    context,
    'access.changed',
    { details: told },
    async () => {
      appendGuard(context, access, (asker) => void authoriseCapability(asker, 'roles'))();
      return access.change(context.ticket, patch, lsn, context.principal.subject);
    },
    (at) => ({ lsn: at }),
  );
  context.report.sawPosition(changed);
  const lost = new Set(
    differences.filter(({ effect }) => effect !== 'GAINS').map(({ role }) => role),
  );
  stopQuestions(context, ({ role }) => lost.has(role));
  return { lsn: changed, applied: true, differences };
}

/** Has all tokens of a subject that were issued until now be good for nothing, and ends what it runs. */
export async function revoke(
  _root: unknown,
  args: { readonly subject: string; readonly reason?: string | null | undefined },
  context: RequestContext,
): Promise<Revocation> {
  authoriseCapability(context, 'kill');
  const { subject } = args;
  const reason = args.reason ?? null;
  checkText('subject', subject, limits.valueBytesMax);
  if (reason !== null) checkText('reason', reason, limits.rulingReasonLengthMax);
  const { access } = context.engine;
  const revoked = await audited(
    context,
    'subject.revoked',
    { details: { revoked: subject, reason } },
    async () => {
      appendGuard(context, access, (asker) => void authoriseCapability(asker, 'kill'))();
      return access.revoke(context.ticket, subject, reason, context.principal.subject);
    },
    ({ lsn }) => ({ lsn }),
  );
  stopQuestions(context, (running) => running.subject === subject);
  return revoked;
}

/** Takes a revocation back; false where there is none. */
export async function unrevoke(
  _root: unknown,
  { subject }: { readonly subject: string },
  context: RequestContext,
): Promise<boolean> {
  authoriseCapability(context, 'kill');
  const { access } = context.engine;
  if (!access.revocations().some((one) => one.subject === subject)) return false;
  const details = { allowed: subject };
  await audited(
    context,
    'subject.allowed',
    { details },
    () => access.unrevoke(context.ticket, subject, context.principal.subject),
    (lsn) => ({ lsn }),
  );
  return true;
}

/** The subjects whose tokens are revoked, the oldest first. */
export function revocations(
  _root: unknown,
  _args: unknown,
  context: RequestContext,
): readonly Revocation[] {
  authoriseCapability(context, 'kill');
  return context.engine.access.revocations();
}

export function roleDefined({ role }: RoleNow): unknown {
  return roleJson(role);
}

export function roleName({ role }: RoleNow): string {
  return role.name;
}

export function revokedAt({ from }: Revocation): number {
  return from;
}

function stopQuestions(
  { running }: RequestContext,
  isMeant: (query: { readonly subject: string; readonly role: string }) => boolean,
): void {
  for (const query of running.list()) if (isMeant(query)) running.kill(query.id);
}

function changedSince(expected: string, lsn: Lsn): EngineError {
  return new EngineError(
    'FENCED',
    `access was changed at 0:${lsn}, after ${expected}: look at it again before you change it`,
    { details: { expected, current: `0:${lsn}` } },
  );
}

function checkCount(path: string, names: readonly string[] | null | undefined): void {
  const max = limits.manifestRolesMax;
  if ((names ?? []).length <= max) return;
  throw new EngineError('LIMIT_EXCEEDED', `${path}: names ${max} roles at most`, {
    details: { path, limit: 'manifestRolesMax', max },
  });
}

function checkText(path: string, text: string, max: number): void {
  if (text !== '' && text.length <= max) return;
  throw new EngineError('BAD_USER_INPUT', `${path}: must have 1 to ${max} characters`, {
    details: { path },
  });
}
