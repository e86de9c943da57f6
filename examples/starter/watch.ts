import { connect } from './connect.ts';

/** The scoreboard as it changes: one snapshot, then one frame a tick, without gaps. */
const scoreboard = connect('liveops').scoreboard.changes().materialize();
await scoreboard.ready;
console.log('watching; play a match: npm run game');
scoreboard.observe(() => {
  for (const { sessionId, playerId, balance, bookings } of scoreboard.rows()) {
    console.log(`${sessionId}  player ${playerId}: ${balance} credits, ${bookings} bookings`);
  }
});
await scoreboard.closed;
