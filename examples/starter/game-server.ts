import { parseArgs } from 'node:util';
import { connect } from './connect.ts';
import { playMatch } from './match.ts';

const { values } = parseArgs({
  options: {
    ticks: { type: 'string', default: '600' },
    'tick-ms': { type: 'string', default: '100' },
    session: { type: 'string', default: `match-${Date.now()}` },
  },
});
const { accepted, rejected } = await playMatch(connect('game-server'), {
  sessionId: values.session,
  ticks: Number(values.ticks),
  tickMs: Number(values['tick-ms']),
});
console.log(`${values.session}: ${accepted} orders accepted, ${rejected} rejected`);
process.exit(0);
