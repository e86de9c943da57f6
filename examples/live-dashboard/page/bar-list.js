import { element, setText } from './element.js';

/**
 * @typedef {object} Bar
 * @property {string} key
 * @property {string} label
 * @property {number} value
 * @property {string} text   The value as shown.
 * @property {string} [note] Beside the text, quieter.
 */

/** A ranked list of horizontal bars. Elements are kept by key, so that bars glide to new places. */
export class BarList {
  #list;
  /** @type {Map<string, { item: HTMLElement, label: Element, bar: HTMLElement, text: Element, note: Element }>} */
  #items = new Map();

  /** @param {Element} container */
  constructor(container) {
    this.#list = element('ol', { class: 'bars' });
    container.append(this.#list);
  }

  /** In the order given; the longest bar is the largest value. @param {readonly Bar[]} bars */
  draw(bars) {
    const most = Math.max(1, ...bars.map((bar) => bar.value));
    const gone = new Set(this.#items.keys());
    bars.forEach((bar, index) => {
      gone.delete(bar.key);
      const parts = this.#items.get(bar.key) ?? this.#make(bar.key);
      setText(parts.label, bar.label);
      setText(parts.text, bar.text);
      setText(parts.note, bar.note ?? '');
      parts.bar.style.setProperty('--part', String(bar.value / most));
      if (this.#list.children[index] !== parts.item) {
        this.#list.insertBefore(parts.item, this.#list.children[index] ?? null);
      }
    });
    for (const key of gone) {
      this.#items.get(key)?.item.remove();
      this.#items.delete(key);
    }
  }

  /** @param {string} key */
  #make(key) {
    const label = element('span', { class: 'bar-label' });
    const bar = element('span', { class: 'bar' });
    const track = element('span', { class: 'bar-track', 'aria-hidden': 'true' }, [bar]);
    const text = element('span', { class: 'bar-value' });
    const note = element('span', { class: 'bar-note' });
    const item = element('li', {}, [label, track, text, note]);
    const parts = { item, label, bar, text, note };
    this.#items.set(key, parts);
    return parts;
  }
}
