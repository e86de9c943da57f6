import { svgElement } from './element.js';
import { count } from './format.js';

/** @typedef {{ playerId: number, tickWindow: number, actions: number }} ActivityRow */

const windowTicks = 600;
const cellWidth = 15;
const cellHeight = 18;
const gap = 2;
const labelWidth = 72;
const axisHeight = 18;
const leastColumns = 40;
const levels = 6;

/** Who was busy when: a row a player, a column a minute of play, darker for more actions. */
export class ActivityMap {
  #container;
  #drawn = '';

  /** @param {Element} container */
  constructor(container) {
    this.#container = container;
  }

  /** @param {readonly ActivityRow[]} rows */
  draw(rows) {
    const players = [...new Set(rows.map((row) => row.playerId))].sort((a, b) => a - b);
    const lastColumn = Math.max(0, ...rows.map((row) => row.tickWindow / windowTicks));
    const columns = Math.max(leastColumns, lastColumn + 1);
    const most = Math.max(1, ...rows.map((row) => row.actions));
    const cells = rows.map((row) => cell(row, players.indexOf(row.playerId), most));
    const signature = `${players.length} ${columns} ${cells.map((made) => made.signature).join()}`;
    if (signature === this.#drawn) return;
    this.#drawn = signature;
    const width = labelWidth + columns * cellWidth;
    const height = players.length * cellHeight + axisHeight;
    const labels = players.map((player, row) =>
      svgElement('text', { x: 0, y: row * cellHeight + 12.5 }, [`player-${player}`]),
    );
    const axis = [];
    for (let minute = 0; minute < columns; minute += 10) {
      const x = labelWidth + minute * cellWidth;
      axis.push(svgElement('text', { x, y: height - 3, class: 'axis' }, [`${minute} min`]));
    }
    const svg = svgElement(
      'svg',
      {
        viewBox: `0 0 ${width} ${height}`,
        role: 'img',
        'aria-label': `Actions of ${players.length} players by minute of play, at most ${count(most)} in one`,
      },
      [...labels, ...cells.map((made) => made.element), ...axis],
    );
    this.#container.replaceChildren(svg);
  }
}

/**
 * @param {ActivityRow} row
 * @param {number} line
 * @param {number} most
 */
function cell(row, line, most) {
  const column = row.tickWindow / windowTicks;
  // By square root: a burst of toggles would else leave all other minutes in one shade.
  const level = Math.min(levels, Math.max(1, Math.ceil(Math.sqrt(row.actions / most) * levels)));
  const title = `player-${row.playerId}, minute ${column}: ${count(row.actions)} actions`;
  const rectangle = svgElement(
    'rect',
    {
      x: labelWidth + column * cellWidth,
      y: line * cellHeight,
      width: cellWidth - gap,
      height: cellHeight - gap,
      rx: 2.5,
      class: `level-${level}`,
    },
    [svgElement('title', {}, [title])],
  );
  return { element: rectangle, signature: `${line}:${column}:${row.actions}` };
}
