import { svgElement } from './element.js';
import { count } from './format.js';

/** @typedef {{ playerId: number, tickWindow: number, actions: number }} ActivityRow */

const windowTicks = 600;
const cellHeight = 20;
const gap = 3;
const labelWidth = 72;
const axisHeight = 20;
/** The first half hour of play fills the width; longer matches get narrower cells, then a scroll. */
const leastColumns = 30;
const cellWidths = { least: 14, most: 40 };
const levels = 6;
const drawEveryMs = 1_000;

/** Who was busy when: a row a player, a column a minute of play, brighter for more actions. */
export class ActivityMap {
  #container;
  #drawn = '';
  #drawnAtMs = 0;

  /** @param {Element} container */
  constructor(container) {
    this.#container = container;
  }

  /**
   * @param {string} sessionId
   * @param {readonly ActivityRow[]} rows
   * @param {number} nowMs
   */
  draw(sessionId, rows, nowMs) {
    const width = this.#container.clientWidth;
    const what = `${sessionId} ${width}`;
    if (this.#drawn === what && nowMs - this.#drawnAtMs < drawEveryMs) return;
    this.#drawn = what;
    this.#drawnAtMs = nowMs;
    this.#container.replaceChildren(picture(rows, width));
  }
}

/**
 * @param {readonly ActivityRow[]} rows
 * @param {number} widthWanted
 */
function picture(rows, widthWanted) {
  const players = [...new Set(rows.map((row) => row.playerId))].sort((a, b) => a - b);
  const columns = Math.max(leastColumns, ...rows.map((row) => row.tickWindow / windowTicks + 1));
  const most = Math.max(1, ...rows.map((row) => row.actions));
  const fitting = Math.floor((widthWanted - labelWidth) / columns);
  const cellWidth = Math.min(cellWidths.most, Math.max(cellWidths.least, fitting));
  const actions = new Map(rows.map((row) => [`${row.playerId} ${row.tickWindow}`, row.actions]));
  const height = players.length * cellHeight + axisHeight;
  const parts = [];
  players.forEach((player, line) => {
    const y = line * cellHeight;
    parts.push(svgElement('text', { x: 0, y: y + 13 }, [`player-${player}`]));
    for (let minute = 0; minute < columns; minute++) {
      const value = actions.get(`${player} ${minute * windowTicks}`) ?? 0;
      const title = `player-${player}, minute ${minute}: ${count(value)} actions`;
      parts.push(
        svgElement(
          'rect',
          {
            x: labelWidth + minute * cellWidth,
            y,
            width: cellWidth - gap,
            height: cellHeight - gap,
            rx: 3,
            class: `level-${levelOf(value, most)}`,
          },
          [svgElement('title', {}, [title])],
        ),
      );
    }
  });
  for (let minute = 0; minute < columns; minute += 5) {
    const x = labelWidth + minute * cellWidth;
    parts.push(
      svgElement('text', { x, y: height - 4 }, [minute === 0 ? 'start' : `${minute} min`]),
    );
  }
  const label = `Actions of ${players.length} players by minute of play, at most ${count(most)} in one`;
  const size = { width: labelWidth + columns * cellWidth, height };
  return svgElement('svg', { ...size, role: 'img', 'aria-label': label }, parts);
}

/**
 * By square root: a burst of toggles would else leave all other minutes in one shade.
 *
 * @param {number} value
 * @param {number} most
 */
function levelOf(value, most) {
  return value === 0 ? 0 : Math.min(levels, Math.ceil(Math.sqrt(value / most) * levels));
}
