import type { Capability, QueryClass, RoleDefinition, TableGrant } from '../model/types.ts';
import type { AllColumnSpecs, TableSpecs } from './table-spec.ts';

export type TableAccess = 'read' | 'aggregate' | 'write';

/** What a role may do; what is not named it may not. */
export interface RoleSpec<Tables extends TableSpecs, View extends string> {
  readonly class: QueryClass;
  readonly capabilities?: readonly Capability[];
  readonly tables?: {
    readonly [Name in keyof Tables]?:
      | readonly TableAccess[]
      | {
          readonly access: readonly TableAccess[];
          /** Only rows whose column equals the token's claim. */
          readonly onlyWhere: {
            readonly column: keyof AllColumnSpecs<Tables[Name]> & string;
            readonly claim: string;
          };
        };
  };
  readonly views?: readonly View[];
}

/** The same rights on several tables: `tables: onTables(['actionLog', 'matchMetrics'], ['aggregate'])`. */
export function onTables<const Name extends string>(
  names: readonly Name[],
  access: readonly TableAccess[],
): { readonly [Table in Name]: readonly TableAccess[] } {
  return Object.fromEntries(names.map((name) => [name, access])) as {
    readonly [Table in Name]: readonly TableAccess[];
  };
}

export function roleDefinition(name: string, role: RoleSpec<TableSpecs, string>): RoleDefinition {
  const tables = Object.entries(role.tables ?? {}).flatMap(([table, grant]): TableGrant[] => {
    if (grant === undefined) return [];
    const access = 'access' in grant ? grant.access : grant;
    return [
      {
        table,
        read: access.includes('read'),
        aggregate: access.includes('aggregate'),
        write: access.includes('write'),
        rowFilter: 'onlyWhere' in grant ? { ...grant.onlyWhere } : null,
      },
    ];
  });
  return {
    name,
    class: role.class,
    capabilities: role.capabilities ?? [],
    tables,
    views: role.views ?? [],
  };
}
