import { actionTable, defineTitle, stateTable, t } from '../../engine/manifest/index.ts';
import type { TitleManifest } from '../../engine/model/types.ts';

/** A title in which roles see and write parts of tables. */
export function boundedTitle(title: string): TitleManifest {
  return defineTitle({
    title,
    version: 1,
    tables: {
      orders: actionTable({ playerId: t.u32(), plan: t.string().optional() }),
      units: stateTable(
        {
          unitId: t.u32(),
          ownerId: t.u32(),
          health: t.i32().optional(),
          name: t.string().optional(),
          note: t.string().optional(),
          secret: t.string().optional(),
          orders: t.json().optional(),
          place: t.vec3().optional(),
        },
        { key: ['sessionId', 'unitId'], indexes: { byOwner: ['sessionId', 'ownerId'] } },
      ),
    },
    roles: {
      simulator: {
        class: 'GAMEPLAY',
        capabilities: ['session', 'commit'],
        tables: { orders: ['write'], units: ['read', 'write'] },
      },
      player: {
        class: 'GAMEPLAY',
        tables: {
          units: {
            access: ['read'],
            onlyWhere: { column: 'ownerId', claim: 'player_id' },
            hide: ['secret', 'orders', 'place'],
            mask: { note: 'null', name: 'hash' },
          },
        },
      },
      scout: {
        class: 'ARCHIVAL',
        capabilities: ['export', 'sql'],
        tables: {
          orders: { access: ['read', 'aggregate'], hide: ['plan'] },
          units: {
            access: ['read', 'aggregate'],
            hide: ['secret', 'orders', 'place'],
            mask: { note: 'null', name: 'hash' },
          },
        },
      },
      medic: {
        class: 'OPERATOR',
        capabilities: ['commit', 'session'],
        tables: {
          units: {
            access: ['read', 'write'],
            writeOnly: ['health'],
            hide: ['secret', 'orders', 'place'],
          },
        },
      },
      admin: { class: 'OPERATOR', capabilities: ['roles'], tables: { units: ['read'] } },
    },
  });
}
