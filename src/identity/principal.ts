import type { Catalog } from '../../engine/model/catalog.ts';
import { EngineError } from '../../engine/model/errors.ts';
import type { QueryClass, RoleDefinition } from '../../engine/model/types.ts';
import type { Principal } from '../../resolvers/context.ts';
import type { AuthFailure, VerifiedToken } from './token-verifier.ts';

export interface ClaimNames {
  readonly role: string;
  readonly title: string;
}

/**
 * Who a verified token is within one title. Throws `FORBIDDEN` when the token does not name the
 * title: a token of one game must not open another that trusts the same issuer. A token without a
 * role of the title makes a principal without a role, who may do nothing.
 */
export function principalOf(
  token: VerifiedToken,
  catalog: Catalog,
  names: ClaimNames,
  onFailure: (reason: AuthFailure) => void,
): Principal {
  const title = catalog.manifest.title;
  if (!texts(claimAt(token.claims, names.title)).includes(title)) {
    onFailure('title');
    throw new EngineError(
      'FORBIDDEN',
      `the token does not name the title "${title}" in its claim "${names.title}"`,
    );
  }
  const role = firstRole(texts(claimAt(token.claims, names.role)), catalog);
  if (role === null) onFailure('role');
  return {
    subject: token.subject,
    role,
    class: role?.class ?? 'ARCHIVAL',
    claims: token.claims,
    expiresAtMs: token.expiresAtMs,
  };
}

/** From the most urgent to the least. */
const classes: readonly QueryClass[] = ['GAMEPLAY', 'OPERATOR', 'ARCHIVAL'];

/** The class a request runs in. `asked` may only lower the role's own. */
export function queryClassOf(principal: Principal, asked: string | undefined): QueryClass {
  if (asked === undefined) return principal.class;
  const wanted = classes.find((candidate) => candidate === asked.toUpperCase());
  if (wanted === undefined) {
    throw new EngineError(
      'BAD_USER_INPUT',
      `x-tickloom-class must be one of ${classes.join(', ')}`,
    );
  }
  if (classes.indexOf(wanted) < classes.indexOf(principal.class)) {
    throw new EngineError(
      'FORBIDDEN',
      `x-tickloom-class can only lower the role's own class, which is ${principal.class}`,
    );
  }
  return wanted;
}

function firstRole(names: readonly string[], catalog: Catalog): RoleDefinition | null {
  for (const name of names) {
    const role = catalog.roles.get(name);
    if (role !== undefined) return role;
  }
  return null;
}

/** A claim by its exact name (names that are URLs hold dots), else by a dotted path into objects. */
function claimAt(claims: Readonly<Record<string, unknown>>, name: string): unknown {
  if (Object.hasOwn(claims, name)) return claims[name];
  let value: unknown = claims;
  for (const part of name.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part))
      return undefined;
    value = (value as Record<string, unknown>)[part];
  }
  return value;
}

function texts(value: unknown): readonly string[] {
  if (typeof value === 'string') return [value];
  return Array.isArray(value)
    ? value.filter((part): part is string => typeof part === 'string')
    : [];
}
