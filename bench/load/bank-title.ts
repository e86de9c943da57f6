import { actionTable, defineTitle, stateTable, t } from '../../engine/manifest/index.ts';

/** Accounts of the whole title, and what goes from one to another. */
export default defineTitle({
  title: 'bank',
  version: 1,
  tables: {
    transfer: actionTable({ fromId: t.u32(), toId: t.u32(), amount: t.i32() }),
    account: stateTable({ accountId: t.u32(), balance: t.i64() }, { key: ['accountId'] }),
  },
  roles: {
    'game-server': {
      class: 'GAMEPLAY',
      capabilities: ['session', 'commit'],
      tables: { transfer: ['write'], account: ['read', 'write'] },
    },
    analyst: { class: 'ARCHIVAL', tables: { account: ['read', 'aggregate'] } },
  },
});
