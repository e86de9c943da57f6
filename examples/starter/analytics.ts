import { connect } from './connect.ts';

/** How the orders of every match ended, as of now: computed in ClickHouse. */
const { groups, coveredPosition } = await connect('analyst').orders.groups({
  by: ['kind', 'accepted'],
  orderBy: [{ column: 'count', direction: 'DESC' }],
});
console.log(`as of position ${coveredPosition}`);
console.table(groups.map(({ key, count }) => ({ ...key, count })));
process.exit(0);
