import {
  actionTable,
  defineTitle,
  eventTable,
  stateTable,
  t,
} from '../../engine/manifest/index.ts';
import type { TitleManifest } from '../../engine/model/types.ts';

/** A title in which roles see and write parts of tables. */
export function boundedTitle(title: string): TitleManifest {
  return defineTitle({
    title,
    version: 1,
    tables: {
      chats: eventTable({
        ownerId: t.u32(),
        name: t.string().optional(),
        note: t.string().optional(),
        secret: t.string().optional(),
        weight: t.i32(),
      }),
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
      agent: {
        description: 'Sees parts of rows of its own, by SQL and exports too.',
        class: 'ARCHIVAL',
        capabilities: ['export', 'sql'],
        limits: {},
        tables: {
          chats: {
            access: ['read', 'aggregate'],
            onlyWhere: { column: 'ownerId', claim: 'player_id' },
            hide: ['secret'],
            mask: { note: 'null', name: 'hash' },
          },
          units: {
            access: ['read', 'aggregate'],
            onlyWhere: { column: 'ownerId', claim: 'player_id' },
            hide: ['secret', 'orders', 'place'],
            mask: { note: 'null', name: 'hash' },
          },
        },
      },
      simulator: {
        class: 'GAMEPLAY',
        capabilities: ['session', 'commit'],
        tables: {
          orders: ['write'],
          chats: ['write', 'read', 'aggregate'],
          units: ['read', 'write'],
        },
      },
      player: {
        class: 'GAMEPLAY',
        // Tests ask as fast as they can.
        limits: {},
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
      everything: {
        description: 'Sees every operation, for tests that look at all of them.',
        class: 'OPERATOR',
        capabilities: ['session', 'commit', 'sql', 'export', 'explain', 'kill', 'audit', 'roles'],
        tables: {
          orders: ['read', 'aggregate', 'write'],
          chats: ['read', 'aggregate', 'write'],
          units: ['read', 'aggregate', 'write'],
        },
      },
    },
  });
}
