import type { RoleDefinition, RoleLimits } from '../../engine/model/types.ts';

/** A player's client: a page that loads, some lists a second, and a few views that it watches. */
export const playerLimits: RoleLimits = {
  requestsPerSecond: 20,
  burst: 100,
  bytesPerSecond: 1024 * 1024,
  rowsReadPerMinute: 100_000,
  subscriptions: 20,
  exportsPerHour: 10,
  exportsKept: 10,
};

/**
 * The bounds of a role's clients: those that its manifest states, and nothing beside. Where it states
 * none, players are held to strict ones: a role of class GAMEPLAY that may not commit. So is a token
 * that names no role.
 */
export function limitsOf(role: RoleDefinition | null): RoleLimits {
  if (role === null) return playerLimits;
  if (role.limits !== undefined) return role.limits;
  return role.class === 'GAMEPLAY' && !mayCommit(role) ? playerLimits : {};
}

/** Simulators: what bounds a whole title does not hold up the ticks of its matches. */
export function mayCommit(role: RoleDefinition): boolean {
  return role.capabilities.includes('commit');
}
