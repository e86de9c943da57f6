import { byId, element, setText } from './element.js';
import { age, count } from './format.js';
import { LiveView } from './live-view.js';
import { askGraphql } from './title-description.js';

/** @typedef {import('./graphql-socket.js').GraphqlSocket} GraphqlSocket */
/** @typedef {import('./live-view.js').ViewDefinition} ViewDefinition */
/** @typedef {import('./sign-in.js').Credentials} Credentials */

const rowsShownMax = 500;
const sessionsShownMax = 100;
const drawEveryMs = 250;
const sessionsEveryMs = 2_000;

/** Any view of a title as a table that follows it, of all sessions or of one. */
export class ViewTables {
  #socket;
  #views;
  #credentials;
  #onProblem;
  /** @type {ViewDefinition | null} */
  #chosen = null;
  /** @type {string | null} Null: all. */
  #session = null;
  /** @type {LiveView | null} */
  #live = null;
  #changed = false;
  #lastFrameMs = 0;
  #timers;

  /**
   * @param {GraphqlSocket} socket
   * @param {readonly ViewDefinition[]} views
   * @param {() => Credentials} credentials  Those in use: they are renewed.
   * @param {(message: string) => void} onProblem
   */
  constructor(socket, views, credentials, onProblem) {
    this.#socket = socket;
    this.#views = views;
    this.#credentials = credentials;
    this.#onProblem = onProblem;
    document.body.dataset.state = 'tables';
    this.#timers = [
      setInterval(() => this.#draw(), drawEveryMs),
      setInterval(() => void this.#loadSessions(), sessionsEveryMs),
    ];
    byId('session-list').replaceChildren();
    void this.#loadSessions();
    this.#choose(views[0] ?? null, null);
  }

  close() {
    for (const timer of this.#timers) clearInterval(timer);
    this.#live?.close();
    this.#live = null;
    byId('view-table').replaceChildren();
  }

  /**
   * @param {ViewDefinition | null} view
   * @param {string | null} session
   */
  #choose(view, session) {
    this.#live?.close();
    this.#chosen = view;
    this.#session = session;
    this.#live = null;
    byId('view-table').replaceChildren();
    this.#drawViews();
    if (view === null) {
      setText(byId('view-heading'), 'No view');
      setText(byId('view-note'), 'This role may not read the views of this title.');
      return;
    }
    const hasSessions = view.key.includes('sessionId');
    const where = session !== null && hasSessions ? { sessionId: { eq: session } } : null;
    setText(byId('view-heading'), where === null ? view.name : `${view.name} of ${session}`);
    setText(byId('view-note'), 'waiting for its rows');
    this.#live = new LiveView(
      this.#socket,
      { ...view, isExact: true },
      where,
      ({ frame }) => {
        this.#lastFrameMs = Date.now();
        setText(byId('position'), `position ${frame.position}`);
        this.#changed = true;
      },
      (message, code) =>
        code === 'FORBIDDEN'
          ? setText(byId('view-note'), 'This role may not read this view.')
          : this.#onProblem(`${message} (${code})`),
    );
  }

  #drawViews() {
    byId('view-list').replaceChildren(
      ...this.#views.map((view) =>
        this.#button(view.name, view === this.#chosen, () => this.#choose(view, this.#session)),
      ),
    );
  }

  async #loadSessions() {
    const query = `{ sessions(first: ${sessionsShownMax}, orderBy: [{ column: position, direction: DESC }]) {
      nodes { sessionId lastTick open } pageInfo { hasNextPage } } }`;
    try {
      const { sessions } = await askGraphql(this.#credentials(), query);
      this.#drawSessions(sessions.nodes, sessions.pageInfo.hasNextPage);
    } catch {
      // Roles without the right have no list; what else is wrong the socket tells.
    }
  }

  /**
   * @param {readonly { sessionId: string, lastTick: number | null, open: boolean }[]} sessions
   * @param {boolean} hasMore
   */
  #drawSessions(sessions, hasMore) {
    setText(
      byId('session-count'),
      hasMore ? `the last ${sessionsShownMax}` : String(sessions.length),
    );
    const texts = sessions.map(({ sessionId, lastTick, open }) => {
      const tick = lastTick === null ? 'no tick yet' : `tick ${count(lastTick)}`;
      return { sessionId, text: `${sessionId} · ${open ? tick : 'closed'}` };
    });
    const list = byId('session-list');
    // Drawn anew only where it differs: a button that is replaced loses the focus.
    const drawn = JSON.stringify([this.#session, texts]);
    if (list.dataset.drawn === drawn) return;
    list.dataset.drawn = drawn;
    list.replaceChildren(
      this.#button('All sessions', this.#session === null, () => this.#chooseSession(null)),
      ...texts.map(({ sessionId, text }) =>
        this.#button(text, this.#session === sessionId, () => this.#chooseSession(sessionId)),
      ),
    );
  }

  /** @param {string | null} session */
  #chooseSession(session) {
    this.#choose(this.#chosen, session);
    byId('session-list').dataset.drawn = '';
    void this.#loadSessions();
  }

  /**
   * @param {string} text
   * @param {boolean} isChosen
   * @param {() => void} onClick
   */
  #button(text, isChosen, onClick) {
    const button = element('button', { type: 'button', class: 'quiet' }, [text]);
    button.setAttribute('aria-pressed', String(isChosen));
    button.addEventListener('click', onClick);
    return element('li', {}, [button]);
  }

  #draw() {
    if (this.#lastFrameMs > 0) {
      setText(byId('staleness'), `${age(Date.now() - this.#lastFrameMs)} ago`);
    }
    if (!this.#changed || this.#live === null || this.#chosen === null) return;
    this.#changed = false;
    const { columns } = this.#chosen;
    const { rows } = this.#live;
    const keys = [...rows.keys()].sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
    const shown = keys.slice(0, rowsShownMax).map((key) => rows.get(key) ?? {});
    setText(
      byId('view-note'),
      keys.length > shown.length
        ? `the first ${count(shown.length)} of ${count(keys.length)} rows`
        : keys.length === 1
          ? '1 row'
          : `${count(keys.length)} rows`,
    );
    const cells = (/** @type {string} */ tag, /** @type {readonly string[]} */ texts) =>
      element(
        'tr',
        {},
        texts.map((text) => element(tag, tag === 'th' ? { scope: 'col' } : {}, [text])),
      );
    byId('view-table').replaceChildren(
      element('thead', {}, [cells('th', columns)]),
      element(
        'tbody',
        {},
        shown.map((row) =>
          cells(
            'td',
            columns.map((name) => textOf(row[name])),
          ),
        ),
      ),
    );
  }
}

/** @param {unknown} value */
function textOf(value) {
  if (value === null || value === undefined) return '–';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
