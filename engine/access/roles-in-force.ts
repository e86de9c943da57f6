import { Problems } from '../manifest/problems.ts';
import { readRoles } from '../manifest/validate-roles.ts';
import type { Catalog } from '../model/catalog.ts';
import type { RoleDefinition } from '../model/types.ts';

export type Roles = ReadonlyMap<string, RoleDefinition>;

/**
 * The manifest's roles with what was ruled over them. Roles of which nothing was ruled are the same
 * objects as the manifest's: whoever holds one sees by that whether it still holds.
 */
export function rolesInForce(
  catalog: Catalog,
  ruled: ReadonlyMap<string, RoleDefinition | null>,
): Roles {
  if (ruled.size === 0) return catalog.roles;
  const roles = new Map(catalog.roles);
  for (const [name, role] of ruled) {
    if (role === null) roles.delete(name);
    else roles.set(name, role);
  }
  return roles;
}

/**
 * A role that was ruled under an earlier manifest, within this one: without views and grants that this
 * one has no tables, views or columns for. A rule that cannot be read any more would hide nothing, so
 * its whole grant goes. Null: nothing of it fits.
 */
export function fittedRole({ manifest }: Catalog, role: RoleDefinition): RoleDefinition | null {
  const isReadable = (one: RoleDefinition) => {
    const problems = new Problems();
    readRoles(problems, [one], manifest.tables, manifest.views);
    return problems.all.length === 0;
  };
  if (isReadable(role)) return role;
  const bare = { ...role, tables: [], views: [] };
  if (!isReadable(bare)) return null;
  return {
    ...role,
    tables: role.tables.filter((grant) => isReadable({ ...bare, tables: [grant] })),
    views: role.views.filter((view) => isReadable({ ...bare, views: [view] })),
  };
}
