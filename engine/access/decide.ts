import type { Capability, RoleDefinition } from '../model/types.ts';
import { allowed, type Decision, refused } from './decision.ts';
import { grantOf } from './table-access.ts';

/** `append`: to add rows; `write`: to change and delete them as well. */
export type TableRight = 'read' | 'aggregate' | 'append' | 'write';

/** May the role use the title as a whole in this way? */
export function decideCapability(role: RoleDefinition, capability: Capability): Decision {
  return role.capabilities.includes(capability)
    ? allowed(`the role "${role.name}" has the capability "${capability}"`)
    : refused(`the role "${role.name}" lacks the capability "${capability}"`, { capability });
}

/** May the role read rows of the table, aggregate them, add some, or write them? */
export function decideTable(role: RoleDefinition, table: string, right: TableRight): Decision {
  const grant = grantOf(role, table);
  const held = right === 'append' && grant?.append !== true ? 'write' : right;
  return grant?.[held]
    ? allowed(`the role "${role.name}" has "${held}" on the table "${table}"`)
    : refused(`the role "${role.name}" lacks "${right}" on the table "${table}"`, { table, right });
}

export function decideView(role: RoleDefinition, view: string): Decision {
  return role.views.includes(view)
    ? allowed(`the role "${role.name}" may read the view "${view}"`)
    : refused(`the role "${role.name}" may not read the view "${view}"`, { view });
}

/**
 * May the role see a session's head? Who runs sessions or commits ticks may, and who reads any view,
 * or any table whole or in part but for a condition on its rows: a player who sees only rows of its
 * own learns of ticks from those.
 */
export function decideSession(role: RoleDefinition): Decision {
  const runs = role.capabilities.find((held) => held === 'session' || held === 'commit');
  if (runs !== undefined) return decideCapability(role, runs);
  const [view] = role.views;
  if (view !== undefined) return decideView(role, view);
  const whole = role.tables.find((grant) => (grant.read || grant.aggregate) && !grant.rowFilter);
  if (whole !== undefined) return decideTable(role, whole.table, whole.read ? 'read' : 'aggregate');
  return refused(`the role "${role.name}" may not see sessions`, { capability: 'session' });
}

/** May the role export the table: the capability, and the right to read or aggregate its rows? */
export function decideExport(role: RoleDefinition, table: string): Decision {
  const capability = decideCapability(role, 'export');
  if (!capability.allowed) return capability;
  const grant = grantOf(role, table);
  if (grant?.read || grant?.aggregate) return allowed(`the role "${role.name}" exports "${table}"`);
  return decideTable(role, table, 'read');
}
