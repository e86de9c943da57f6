import { element, setText, svgElement } from './element.js';
import { count } from './format.js';
import { historySeconds } from './rate-history.js';

/** @typedef {import('./rate-history.js').RateHistory} RateHistory */

const leastWidth = 260;
const height = 230;
const left = 44;
const right = 8;
const top = 12;
const bottom = 26;
const innerHeight = height - top - bottom;
const baseline = top + innerHeight;

/** Actions a second over the last two minutes: accepted as an area, rejected on top of it. */
export class RateChart {
  #grid = svgElement('g', { class: 'grid' });
  #accepted = svgElement('path', { class: 'accepted-area' });
  #acceptedLine = svgElement('path', { class: 'accepted-line' });
  #rejected = svgElement('path', { class: 'rejected-area' });
  /** A dot wherever something was rejected: a few among hundreds would not be seen as an area. */
  #rejectedMarks = svgElement('g', { class: 'rejected-marks' });
  #cursor = svgElement('g', { class: 'cursor', visibility: 'hidden' });
  #cursorLine = svgElement('line', { y1: top, y2: baseline });
  #cursorText = svgElement('text', { y: top + 10 });
  #svg;
  #container;
  #width = leastWidth;
  #scale = 1;
  #ceiling = 10;
  /** @type {RateHistory | null} */
  #history = null;

  /** @param {Element} container */
  constructor(container) {
    this.#container = container;
    this.#cursor.append(this.#cursorLine, this.#cursorText);
    this.#svg = svgElement('svg', { height, role: 'img' }, [
      this.#grid,
      this.#accepted,
      this.#rejected,
      this.#acceptedLine,
      this.#rejectedMarks,
      this.#cursor,
    ]);
    this.#svg.addEventListener('pointermove', (event) => this.#point(event));
    this.#svg.addEventListener('pointerleave', () => {
      this.#cursor.setAttribute('visibility', 'hidden');
    });
    container.append(this.#svg);
  }

  /** @param {RateHistory} history */
  draw(history) {
    this.#history = history;
    this.#fit();
    this.#chooseScale(history.peak);
    const { accepted, rejected, watched } = history;
    const from = historySeconds - watched;
    const acceptedLine = [];
    const totalLine = [];
    const marks = [];
    for (let i = from; i < historySeconds; i++) {
      const x = this.#x(i);
      acceptedLine.push(`${x} ${this.#y(accepted[i])}`);
      const total = this.#y(accepted[i] + rejected[i]);
      totalLine.push(`${x} ${total}`);
      if (rejected[i] > 0) marks.push(svgElement('circle', { cx: x, cy: total, r: 3 }));
    }
    this.#rejectedMarks.replaceChildren(...marks);
    const known = acceptedLine.length > 1;
    const first = this.#x(from);
    const last = this.#x(historySeconds - 1);
    const line = acceptedLine.join('L');
    this.#acceptedLine.setAttribute('d', known ? `M${line}` : '');
    this.#accepted.setAttribute(
      'd',
      known ? `M${first} ${baseline}L${line}L${last} ${baseline}Z` : '',
    );
    const back = acceptedLine.reverse().join('L');
    this.#rejected.setAttribute('d', known ? `M${totalLine.join('L')}L${back}Z` : '');
    this.#svg.setAttribute(
      'aria-label',
      `Actions a second over the last two minutes: now ${count(history.actionsPerSecond)}, at most ${count(history.peak)}`,
    );
  }

  /** One unit is one pixel, so that text and lines keep their size at every width. */
  #fit() {
    const width = Math.max(leastWidth, this.#container.clientWidth);
    if (width === this.#width && this.#grid.hasChildNodes()) return;
    this.#width = width;
    this.#svg.setAttribute('width', String(width));
    this.#drawGrid();
  }

  /** Grows at once and shrinks only once there is much room, so that the scale does not flicker. */
  #chooseScale(/** @type {number} */ peak) {
    const wanted = niceCeiling(peak);
    if (wanted > this.#ceiling || wanted * 2.5 <= this.#ceiling) {
      this.#ceiling = Math.max(10, wanted);
      this.#drawGrid();
    }
  }

  #drawGrid() {
    this.#scale = innerHeight / this.#ceiling;
    const lines = [];
    for (let part = 0; part <= 4; part++) {
      const value = (this.#ceiling * part) / 4;
      const y = this.#y(value);
      lines.push(
        svgElement('line', { x1: left, x2: this.#width - right, y1: y, y2: y }),
        svgElement('text', { x: left - 8, y: y + 4, 'text-anchor': 'end' }, [count(value)]),
      );
    }
    for (const seconds of this.#width < 500 ? [120, 60] : [120, 90, 60, 30]) {
      const x = this.#x(historySeconds - seconds);
      const anchor = seconds === 120 ? 'start' : 'middle';
      const label = seconds === 120 ? '2 min ago' : `${seconds} s`;
      lines.push(svgElement('text', { x, y: height - 6, 'text-anchor': anchor }, [label]));
    }
    lines.push(
      svgElement('text', { x: this.#width - right, y: height - 6, 'text-anchor': 'end' }, ['now']),
    );
    this.#grid.replaceChildren(...lines);
  }

  /** @param {PointerEvent | Event} event */
  #point(event) {
    if (!this.#history || !('clientX' in event)) return;
    const box = this.#svg.getBoundingClientRect();
    const innerWidth = this.#width - left - right;
    const part = (event.clientX - box.left - left) / innerWidth;
    const index = Math.round(part * (historySeconds - 1));
    if (index < historySeconds - this.#history.watched || index >= historySeconds) return;
    const x = this.#x(index);
    const { accepted, rejected } = this.#history;
    const refused = rejected[index] > 0 ? `, ${count(rejected[index])} rejected` : '';
    const atRight = index > historySeconds / 2;
    this.#cursorLine.setAttribute('x1', String(x));
    this.#cursorLine.setAttribute('x2', String(x));
    this.#cursorText.setAttribute('x', String(atRight ? x - 8 : x + 8));
    this.#cursorText.setAttribute('text-anchor', atRight ? 'end' : 'start');
    setText(
      this.#cursorText,
      `${historySeconds - index} s ago: ${count(accepted[index])} accepted${refused}`,
    );
    this.#cursor.setAttribute('visibility', 'visible');
  }

  /** @param {number} index */
  #x(index) {
    const innerWidth = this.#width - left - right;
    return Number((left + (index / (historySeconds - 1)) * innerWidth).toFixed(1));
  }

  /** @param {number} value */
  #y(value) {
    return (baseline - value * this.#scale).toFixed(1);
  }
}

const sparkWidth = 88;
const sparkHeight = 24;
const sparkSeconds = 60;

/** The same in small, without axes: the last minute of one match. */
export class Sparkline {
  element = element('span', { class: 'sparkline', 'aria-hidden': 'true' });
  #path = svgElement('path');

  constructor() {
    this.element.append(
      svgElement('svg', { viewBox: `0 0 ${sparkWidth} ${sparkHeight}` }, [this.#path]),
    );
  }

  /** @param {RateHistory} history */
  draw(history) {
    const seconds = Math.min(sparkSeconds, Math.max(history.watched, 2));
    const values = history.accepted.slice(-seconds);
    const most = Math.max(4, ...values);
    const step = sparkWidth / (sparkSeconds - 1);
    const start = sparkWidth - (values.length - 1) * step;
    const points = values.map(
      (value, i) =>
        `${(start + i * step).toFixed(1)} ${(sparkHeight - 2 - (value / most) * (sparkHeight - 5)).toFixed(1)}`,
    );
    this.#path.setAttribute('d', `M${points.join('L')}`);
  }
}

/** The next of 1, 2, 4, 8 times a power of ten, so that its quarters are round. @param {number} value */
function niceCeiling(value) {
  const power = 10 ** Math.floor(Math.log10(Math.max(value, 1)));
  for (const factor of [1, 2, 4, 8]) if (value <= factor * power) return factor * power;
  return 10 * power;
}
