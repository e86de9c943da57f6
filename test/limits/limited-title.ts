import { actionTable, count, defineTitle, stateTable, t } from '../../engine/manifest/index.ts';
import type { TitleManifest } from '../../engine/model/types.ts';

/** A title of roles that are bounded in one way each. */
export function limitedTitle(title: string): TitleManifest {
  const reads = { class: 'OPERATOR', tables: { units: ['read'] } } as const;
  const commits = {
    class: 'GAMEPLAY',
    capabilities: ['session', 'commit'],
    tables: { orders: ['write'], units: ['read', 'write'] },
  } as const;
  return defineTitle({
    title,
    version: 1,
    tables: {
      orders: actionTable({ playerId: t.u32() }),
      units: stateTable(
        { unitId: t.u32(), note: t.string().optional() },
        { key: ['sessionId', 'unitId'] },
      ),
    },
    views: {
      pulse: {
        kind: 'group',
        from: 'orders',
        groupBy: ['sessionId'],
        columns: { actions: count() },
      },
    },
    roles: {
      simulator: commits,
      'slow-simulator': { ...commits, limits: { ticksPerSecond: 2 } },
      asker: { ...reads, limits: { requestsPerSecond: 3 } },
      bursty: { ...reads, limits: { requestsPerSecond: 1, burst: 2 } },
      crowd: { ...reads, limits: { together: { requestsPerSecond: 3 } } },
      reader: { ...reads, limits: { rowsReadPerMinute: 8 } },
      sender: { ...reads, limits: { bytesPerSecond: 1_000 } },
      watcher: { class: 'OPERATOR', views: ['pulse'], limits: { subscriptions: 2 } },
      exporter: {
        class: 'ARCHIVAL',
        capabilities: ['export'],
        tables: { units: ['read'] },
        limits: { exportsPerHour: 2, requestsPerSecond: 4 },
      },
      keeper: {
        class: 'ARCHIVAL',
        capabilities: ['export'],
        tables: { units: ['read'] },
        limits: { exportsKept: 2 },
      },
      player: { class: 'GAMEPLAY', tables: { units: ['read'] }, views: ['pulse'] },
      operator: { ...reads, views: ['pulse'] },
    },
  });
}
