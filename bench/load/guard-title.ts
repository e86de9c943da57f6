import type { RoleDefinition } from '../../engine/model/types.ts';
import { ashfall } from '../../src/sandbox/ashfall.ts';

/**
 * `ashfall` with players who are bounded in every way there is, so far that no load of the benchmark
 * is refused, and who see one column less; and with readers of whom each read is recorded as well.
 */
const player = ashfall.roles.find(({ name }) => name === 'player') as RoleDefinition;

const bounded: RoleDefinition = {
  ...player,
  tables: player.tables.map((grant) => ({ ...grant, hidden: ['targetUnitId'] })),
  limits: {
    requestsPerSecond: 1_000_000,
    burst: 1_000_000,
    bytesPerSecond: 1_000_000_000,
    rowsReadPerMinute: 1_000_000_000,
    subscriptions: 1_000,
    together: { requestsPerSecond: 1_000_000 },
  },
};

export default {
  ...ashfall,
  roles: [
    ...ashfall.roles.filter((role) => role !== player),
    bounded,
    { ...bounded, name: 'recorded', auditReads: true },
  ],
};
