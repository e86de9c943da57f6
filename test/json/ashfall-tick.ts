/** A tick of `ashfall` with something of everything it has. */
export function ashfallTick(actions: number) {
  const key = { unitId: 7 };
  const require = {
    ownerId: { eq: 1 },
    health: { gt: 0.5, lte: 100 },
    blueprint: { isNull: false },
  };
  return {
    sessionId: 'match',
    tick: 12,
    fence: 3,
    idempotencyKey: null,
    afterTick: 11,
    onConflict: 'ABORT_TICK',
    actions: Array.from({ length: actions }, (_, i) => ({
      actionId: `a${i}`,
      playerId: i,
      kind: 'MOVE',
      unitIds: [i, 1, 2],
      x: 1.5,
      y: -2e-3,
      payload: { text: 'é€😀', list: [1, 2.5, null] },
      effects: [
        {
          unitState: {
            upsert: { key, set: { ownerId: 2, blueprint: 'uel\n0201', x: null }, require },
          },
        },
        {
          unitState: {
            compareAndSet: {
              key: { ...key, sessionId: 'match' },
              expectedVersion: 4,
              set: { y: 1 },
            },
          },
        },
        {
          playerWallet: {
            adjust: {
              key: { playerId: 1, resource: 'MASS' },
              add: { balance: -0.5 },
              require: { balance: { gte: 0 } },
            },
          },
        },
        { unitState: { delete: { key: { unitId: 8 } } } },
        { unitState: { delete: { key: { unitId: 9 }, expectedVersion: 2 } } },
      ],
    })),
    effects: [
      {
        resourceLedger: {
          append: { playerId: 1, resource: 'ENERGY', amount: 0.1, reason: 'reclaim' },
        },
      },
      {
        playerProfile: {
          insert: { playerId: 1, rating: 1500.25, matchesPlayed: 3, suspended: false },
        },
      },
    ],
  };
}
