import { Problems } from '../manifest/problems.ts';
import { readRoleJson } from '../manifest/role-json.ts';
import type { Catalog } from '../model/catalog.ts';
import { EngineError } from '../model/errors.ts';
import { limits } from '../model/limits.ts';
import { didYouMean } from '../model/nearest-name.ts';
import type { RoleDefinition } from '../model/types.ts';
import { type AccessDifference, roleDifferences } from './access-differences.ts';
import type { Roles } from './roles-in-force.ts';
import type { AccessPatch } from './ruling.ts';

/** A change of roles as somebody asks for it. */
export interface AskedAccess {
  /** Roles by name, each whole, as in a manifest; those not named stay as they are. */
  readonly roles: unknown;
  readonly remove: readonly string[];
  /** Roles that shall be as the manifest says. */
  readonly follow: readonly string[];
}

/** What a change would do. */
export interface AccessPlan {
  readonly patch: AccessPatch;
  /** Empty: it changes nothing. */
  readonly differences: readonly AccessDifference[];
}

/**
 * Checks a change against the title's tables and views, and tells what it would do to the roles in
 * force. Throws `BAD_USER_INPUT` with all that is wrong, each at its place.
 */
export function planAccess(catalog: Catalog, inForce: Roles, asked: AskedAccess): AccessPlan {
  const { manifest } = catalog;
  const problems = new Problems();
  const set = readRolesJson(problems, catalog, asked.roles);
  const after = new Map(inForce);
  for (const name of asked.follow) {
    const role = catalog.roles.get(name);
    if (role !== undefined) after.set(name, role);
    else if (inForce.has(name)) after.delete(name);
    else problems.add('follow', noRole(name, new Map([...inForce, ...catalog.roles])));
  }
  for (const name of asked.remove) {
    if (!after.delete(name)) problems.add('remove', noRole(name, inForce));
  }
  for (const role of set) after.set(role.name, role);
  const names = [...set.map(({ name }) => name), ...asked.remove, ...asked.follow];
  for (const name of new Set(names)) {
    if (names.indexOf(name) !== names.lastIndexOf(name)) {
      problems.add(`roles.${name}`, 'is named twice; say one thing of it');
    }
  }
  if (after.size > limits.manifestRolesMax) {
    problems.add('roles', `a title has ${limits.manifestRolesMax} roles at most`);
  }
  throwProblems(problems);
  if (![...after.values()].some(({ capabilities }) => capabilities.includes('roles'))) {
    throw new EngineError(
      'BAD_USER_INPUT',
      'no role would be left with the capability "roles", and nobody could change access any more: leave it to one',
      { details: { capability: 'roles' } },
    );
  }
  const changed = new Set(names);
  const differences = [...changed].flatMap((name) =>
    roleDifferences(catalog, inForce.get(name) ?? null, after.get(name) ?? null),
  );
  const patch = {
    set,
    remove: asked.remove.filter((name) => manifest.roles.some((role) => role.name === name)),
    // A role that only a ruling made is gone when nothing is ruled of it.
    follow: [
      ...asked.follow,
      ...asked.remove.filter((name) => !manifest.roles.some((role) => role.name === name)),
    ],
  };
  return { patch, differences };
}

function readRolesJson(
  problems: Problems,
  { manifest }: Catalog,
  roles: unknown,
): RoleDefinition[] {
  if (roles === undefined || roles === null) return [];
  if (typeof roles !== 'object' || Array.isArray(roles)) {
    problems.add('roles', 'must be an object of roles by name');
    return [];
  }
  return Object.entries(roles)
    .slice(0, limits.manifestRolesMax + 1)
    .flatMap(([name, role]) => {
      const read = readRoleJson(problems, name, role, manifest.tables, manifest.views);
      return read === null ? [] : [read];
    });
}

function noRole(name: string, roles: Roles): string {
  return `there is no role "${name.slice(0, 64)}"; ${didYouMean(name, [...roles.keys()])}`;
}

function throwProblems(problems: Problems): void {
  const [first] = problems.all;
  if (first === undefined) return;
  const lines = problems.all.map(({ place, message }) => `${place}: ${message}`);
  const text = lines.length === 1 ? lines[0] : `${lines.length} problems:\n- ${lines.join('\n- ')}`;
  throw new EngineError('BAD_USER_INPUT', `the change of access has ${text}`, {
    details: { path: first.place, problems: problems.all },
  });
}
