import { byId, element, setText } from './element.js';
import { playTime, rate, shortCount } from './format.js';
import { Sparkline } from './rate-chart.js';

/** @typedef {import('./dashboard.js').MatchState} MatchState */

/** The matches on the left: live ones first, then by what was seen last. */
export class MatchList {
  #list = byId('match-list');
  #count = byId('match-count');
  /** @type {Map<string, { item: HTMLElement, button: HTMLElement, dot: HTMLElement, now: Element, actions: Element, sparkline: Sparkline }>} */
  #items = new Map();
  #onChoose;

  /** @param {(sessionId: string) => void} onChoose */
  constructor(onChoose) {
    this.#onChoose = onChoose;
  }

  /**
   * @param {readonly MatchState[]} matches  In the order to show.
   * @param {string | null} chosen
   */
  draw(matches, chosen) {
    setText(this.#count, String(matches.length));
    const gone = new Set(this.#items.keys());
    matches.forEach((match, index) => {
      gone.delete(match.sessionId);
      const parts = this.#items.get(match.sessionId) ?? this.#make(match.sessionId);
      parts.button.dataset.status = match.status;
      parts.button.setAttribute('aria-current', String(match.sessionId === chosen));
      parts.dot.dataset.kind = match.status === 'live' ? 'live' : 'quiet';
      const live = match.status === 'live';
      setText(parts.now, live ? `${rate(match.history.actionsPerSecond)} a second` : 'quiet');
      const { actions, lastTick } = match.pulse;
      setText(parts.actions, `${shortCount(actions)} actions in ${playTime(lastTick ?? 0)}`);
      parts.sparkline.draw(match.history);
      if (this.#list.children[index] !== parts.item) {
        this.#list.insertBefore(parts.item, this.#list.children[index] ?? null);
      }
    });
    for (const sessionId of gone) {
      this.#items.get(sessionId)?.item.remove();
      this.#items.delete(sessionId);
    }
  }

  /** @param {string} sessionId */
  #make(sessionId) {
    const dot = element('span', { class: 'dot' });
    const name = element('span', { class: 'match-name', title: sessionId }, [
      dot,
      element('span', {}, [sessionId]),
    ]);
    const actions = element('span', { class: 'match-actions' });
    const now = element('span', { class: 'match-now' });
    const sparkline = new Sparkline();
    const button = element('button', { type: 'button', class: 'match-button' }, [
      name,
      now,
      sparkline.element,
      actions,
    ]);
    button.addEventListener('click', () => this.#onChoose(sessionId));
    const item = element('li', {}, [button]);
    const parts = { item, button, dot, now, actions, sparkline };
    this.#items.set(sessionId, parts);
    return parts;
  }
}
