import { isDeepStrictEqual } from 'node:util';
import { claimsOf } from '../../engine/index.ts';
import type { Catalog } from '../../engine/model/catalog.ts';
import { EngineError } from '../../engine/model/errors.ts';
import type { QueryClass, RoleDefinition } from '../../engine/model/types.ts';
import type { Principal } from '../../resolvers/context.ts';
import type { AuthFailure, VerifiedToken } from './verified-token.ts';

/**
 * Who a verified token is within one title. Throws `FORBIDDEN` when the token may not open the title:
 * a token of one game must not open another that trusts the same issuer. `askedRole`
 * (`x-tickloom-role`) names one of several roles; without it the first role counts that the title has.
 * A token without a role of the title makes a principal without a role, who may do nothing.
 */
export function principalOf(
  token: VerifiedToken,
  catalog: Catalog,
  askedRole: unknown,
  onFailure: (reason: AuthFailure) => void,
): Principal {
  const { issuer, subject, expiresAtMs } = token;
  checkTitle(token, catalog.manifest.title, onFailure);
  const names = texts(claimAt(token.claims, issuer.claims.role));
  const role =
    askedRole === undefined
      ? firstRole(names, catalog)
      : roleAsked(askedRole, names, catalog, onFailure);
  if (role === null) onFailure('role');
  return {
    subject,
    role,
    class: role?.class ?? 'ARCHIVAL',
    claims: withAttributes(token),
    expiresAtMs,
  };
}

function checkTitle(
  token: VerifiedToken,
  title: string,
  onFailure: (reason: AuthFailure) => void,
): void {
  const refusal = titleRefusal(token, title);
  if (refusal === null) return;
  onFailure('title');
  throw new EngineError('FORBIDDEN', refusal);
}

/** Why a token does not open a title; null: it does. */
function titleRefusal({ issuer, claims }: VerifiedToken, title: string): string | null {
  const { title: claim } = issuer.claims;
  if (issuer.titles !== null && !issuer.titles.includes(title)) {
    return `tokens of this issuer do not open the title "${title}"`;
  }
  if (claim !== null && !texts(claimAt(claims, claim)).includes(title)) {
    return `the token does not name the title "${title}" in its claim "${claim}"`;
  }
  return null;
}

/** A title that a token opens, and the roles of it that the token has. */
export interface TitleRoles {
  readonly title: string;
  readonly roles: readonly string[];
}

export function titlesOf(token: VerifiedToken, catalogs: readonly Catalog[]): TitleRoles[] {
  const { claims } = token.issuer;
  const roles = texts(claimAt(token.claims, claims.role));
  return catalogs.flatMap((catalog) => {
    const { title } = catalog.manifest;
    if (titleRefusal(token, title) !== null) return [];
    return [{ title, roles: roles.filter((name) => catalog.roles.has(name)) }];
  });
}

/** Throws `FORBIDDEN` for a role that the token does not have, whether or not the title has it. */
function roleAsked(
  asked: unknown,
  names: readonly string[],
  catalog: Catalog,
  onFailure: (reason: AuthFailure) => void,
): RoleDefinition {
  const role = typeof asked === 'string' && names.includes(asked) ? catalog.roles.get(asked) : null;
  if (role) return role;
  onFailure('role');
  throw new EngineError(
    'FORBIDDEN',
    'x-tickloom-role must name a role of this title that the token has',
    { details: { path: 'x-tickloom-role' } },
  );
}

/** The claims of a token, with those under names of their own that its issuer's settings give them. */
function withAttributes({ issuer, claims }: VerifiedToken): Principal['claims'] {
  const mapped = Object.entries(issuer.claims.attributes);
  if (mapped.length === 0) return claims;
  const all = { ...claims };
  for (const [name, path] of mapped) {
    const value = claimAt(claims, path);
    // What the token says under that name itself does not count: others may write it.
    if (value === undefined) delete all[name];
    else all[name] = value;
  }
  return all;
}

/** Whether two principals see the same rows: row rules read nothing else of a token. */
export function seesTheSame(one: Principal, other: Principal): boolean {
  if (one.role !== other.role) return false;
  const claims =
    one.role?.tables.flatMap(({ rowFilter }) => (rowFilter ? claimsOf(rowFilter) : [])) ?? [];
  return claims.every((claim) => isDeepStrictEqual(one.claims[claim], other.claims[claim]));
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
