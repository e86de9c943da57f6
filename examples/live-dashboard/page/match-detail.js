import { ActivityMap } from './activity-map.js';
import { BarList } from './bar-list.js';
import { byId, setText } from './element.js';
import { count, kindName, percent, playTime, rate } from './format.js';
import { RateChart } from './rate-chart.js';

/** @typedef {import('./dashboard.js').MatchState} MatchState */
/** @typedef {import('./live-view.js').Row} Row */

const kindsShown = 9;
/** A tick of play lasts a tenth of a second. */
const ticksPerPlaySecond = 10;

/** The match on the right. */
export class MatchDetail {
  #chart = new RateChart(byId('rate-chart'));
  #mix = new BarList(byId('order-mix'));
  #players = new BarList(byId('busiest-players'));
  #activity = new ActivityMap(byId('activity-map'));

  /**
   * @param {MatchState} match
   * @param {{ orderMix: readonly Row[], busiestPlayers: readonly Row[], playerActivity: readonly Row[] }} rows
   * @param {number} nowMs
   */
  draw(match, rows, nowMs) {
    const { pulse, history, status } = match;
    setText(byId('match-heading'), match.sessionId);
    const badge = byId('match-status');
    badge.dataset.status = status;
    setText(badge, status === 'live' ? 'live' : 'quiet');
    const tick = pulse.lastTick ?? 0;
    setText(
      byId('match-clock'),
      `tick ${count(tick)}, ${playTime(tick)} of play, ${pulse.players} players`,
    );

    setText(byId('figure-rate'), rate(history.actionsPerSecond));
    setText(byId('figure-peak'), `at most ${count(history.peak)} in two minutes`);
    setText(byId('figure-actions'), count(pulse.actions));
    const perTick = tick > 0 ? pulse.actions / tick : 0;
    setText(byId('figure-per-tick'), `${perTick.toFixed(2)} a tick`);
    setText(byId('figure-accepted'), count(pulse.accepted));
    setText(byId('figure-rejected'), count(pulse.rejected));
    const rejectedPart = pulse.actions > 0 ? pulse.rejected / pulse.actions : 0;
    setText(byId('figure-accepted-part'), percent(1 - rejectedPart));
    setText(byId('figure-rejected-part'), percent(rejectedPart));
    byId('figure-rejected-part').classList.toggle('bad', pulse.rejected > 0);
    setText(byId('figure-ticks'), rate(history.ticksPerSecond));
    const speed = history.ticksPerSecond / ticksPerPlaySecond;
    setText(
      byId('figure-speed'),
      speed > 0 ? `${speed.toFixed(1)} times real time` : 'standing still',
    );

    this.#chart.draw(history);
    this.#drawMix(rows.orderMix);
    this.#drawPlayers(rows.busiestPlayers, pulse.actions);
    const activity = /** @type {any} */ (rows.playerActivity);
    this.#activity.draw(match.sessionId, activity, nowMs);
  }

  /** @param {readonly Row[]} rows */
  #drawMix(rows) {
    const sorted = [...rows].sort((a, b) => b.count - a.count);
    const total = sorted.reduce((sum, row) => sum + row.count, 0);
    const bars = sorted.slice(0, kindsShown).map((row) => ({
      key: row.kind,
      label: kindName(row.kind),
      value: row.count,
      text: count(row.count),
      note: percent(row.count / total),
    }));
    const others = sorted.slice(kindsShown);
    const rest = others.reduce((sum, row) => sum + row.count, 0);
    if (others.length > 0) {
      const label = `${others.length} more`;
      bars.push({
        key: 'others',
        label,
        value: rest,
        text: count(rest),
        note: percent(rest / total),
      });
    }
    this.#mix.draw(bars);
    setText(byId('mix-note'), `${sorted.length} kinds`);
  }

  /**
   * @param {readonly Row[]} rows
   * @param {number} total
   */
  #drawPlayers(rows, total) {
    const sorted = [...rows].sort((a, b) => b.actions - a.actions || a.playerId - b.playerId);
    this.#players.draw(
      sorted.map((row) => ({
        key: String(row.playerId),
        label: `player-${row.playerId}`,
        value: row.actions,
        text: count(row.actions),
        note: percent(total > 0 ? row.actions / total : 0),
      })),
    );
    setText(byId('players-note'), 'by actions');
  }
}
