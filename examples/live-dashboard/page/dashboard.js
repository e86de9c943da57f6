import { byId, setText } from './element.js';
import { age } from './format.js';
import { LiveView, views } from './live-view.js';
import { MatchDetail } from './match-detail.js';
import { MatchList } from './match-list.js';
import { RateHistory } from './rate-history.js';

/** @typedef {import('./graphql-socket.js').GraphqlSocket} GraphqlSocket */
/** @typedef {import('./live-view.js').Change} Change */

/**
 * @typedef {object} MatchState
 * @property {string} sessionId
 * @property {any} pulse           Its row of `matchPulse`.
 * @property {RateHistory} history
 * @property {number} movedAtMs    When it last did something; 0 where this page saw it do nothing.
 * @property {'live' | 'quiet'} status
 */

/** A match without news for so long is shown as quiet; whether it ended the views do not say. */
const quietAfterMs = 5_000;
/** News come each ten seconds at the latest, if only to say that there is none. */
const staleAfterMs = 15_000;
const drawEveryMs = 250;

/** Everything that is shown once signed in, fed by subscriptions only. */
export class Dashboard {
  #socket;
  /** @type {Map<string, MatchState>} */
  #matches = new Map();
  #pulse;
  /** @type {{ orderMix: LiveView, busiestPlayers: LiveView, playerActivity: LiveView } | null} */
  #detailViews = null;
  /** @type {string | null} */
  #chosen = null;
  #chosenByUser = false;
  #loaded = false;
  #lastFrameMs = 0;
  #position = '';
  #timer;
  #list = new MatchList((sessionId) => this.#choose(sessionId, true));
  #detail = new MatchDetail();
  #onProblem;

  /**
   * @param {GraphqlSocket} socket
   * @param {(message: string) => void} onProblem  A subscription was refused for good.
   */
  constructor(socket, onProblem) {
    this.#socket = socket;
    this.#onProblem = onProblem;
    document.body.dataset.state = 'loading';
    const wished = decodeURIComponent(location.hash.replace(/^#/, ''));
    if (wished !== '') {
      this.#chosen = wished;
      this.#chosenByUser = true;
    }
    this.#pulse = new LiveView(
      socket,
      views.matchPulse,
      null,
      (change) => this.#pulseChanged(change),
      (message, code) => onProblem(problemOf(message, code)),
    );
    this.#timer = setInterval(() => this.#draw(), drawEveryMs);
  }

  close() {
    clearInterval(this.#timer);
    this.#pulse.close();
    this.#closeDetail();
  }

  /** @param {Change} change */
  #pulseChanged({ frame, changed, before, baseline }) {
    const nowMs = Date.now();
    this.#arrived(frame);
    for (const pulse of changed) {
      const { sessionId } = pulse;
      const match = this.#matches.get(sessionId) ?? {
        sessionId,
        pulse,
        history: new RateHistory(nowMs),
        movedAtMs: 0,
        status: /** @type {const} */ ('quiet'),
      };
      this.#matches.set(sessionId, match);
      match.pulse = pulse;
      if (baseline) continue;
      const old = before.get(sessionId) ?? { accepted: 0, rejected: 0, lastTick: 0 };
      const more = {
        accepted: Math.max(0, pulse.accepted - old.accepted),
        rejected: Math.max(0, pulse.rejected - old.rejected),
        ticks: Math.max(0, (pulse.lastTick ?? 0) - (old.lastTick ?? 0)),
      };
      if (more.accepted + more.rejected + more.ticks > 0) match.movedAtMs = nowMs;
      match.history.add(nowMs, more);
    }
    for (const sessionId of this.#matches.keys()) {
      if (!this.#pulse.rows.has(sessionId)) this.#matches.delete(sessionId);
    }
    if (!this.#loaded) {
      this.#loaded = true;
      this.#draw();
    }
  }

  /** @param {import('./live-view.js').Frame} frame */
  #arrived(frame) {
    this.#lastFrameMs = Date.now();
    this.#position = frame.position;
  }

  #draw() {
    this.#drawFreshness();
    if (!this.#loaded) return;
    const nowMs = Date.now();
    for (const match of this.#matches.values()) {
      match.history.advance(nowMs);
      match.status = nowMs - match.movedAtMs < quietAfterMs ? 'live' : 'quiet';
    }
    const sorted = [...this.#matches.values()].sort(
      (a, b) =>
        Number(b.status === 'live') - Number(a.status === 'live') ||
        a.sessionId.localeCompare(b.sessionId),
    );
    document.body.dataset.state = sorted.length === 0 ? 'empty' : 'watching';
    this.#chooseByItself(sorted);
    this.#list.draw(sorted, this.#chosen);
    const match = this.#matches.get(this.#chosen ?? '');
    if (match && this.#detailViews) {
      const { orderMix, busiestPlayers, playerActivity } = this.#detailViews;
      const rows = {
        orderMix: [...orderMix.rows.values()],
        busiestPlayers: [...busiestPlayers.rows.values()],
        playerActivity: [...playerActivity.rows.values()],
      };
      this.#detail.draw(match, rows, nowMs);
    }
  }

  #drawFreshness() {
    const staleness = byId('staleness');
    if (this.#lastFrameMs === 0) return;
    const silentMs = Date.now() - this.#lastFrameMs;
    setText(byId('position'), `position ${this.#position}`);
    setText(staleness, `${age(silentMs)} ago`);
    staleness.classList.toggle('old', silentMs > staleAfterMs);
  }

  /** Until somebody chooses: the first live match, and no jumping away from one that is live. */
  #chooseByItself(/** @type {readonly MatchState[]} */ sorted) {
    const current = this.#matches.get(this.#chosen ?? '');
    if (current && (this.#chosenByUser || current.status === 'live')) {
      if (!this.#detailViews) this.#choose(current.sessionId, this.#chosenByUser);
      return;
    }
    const [first] = sorted;
    if (first && (!current || first.status === 'live')) this.#choose(first.sessionId, false);
    else if (current && !this.#detailViews) this.#choose(current.sessionId, false);
  }

  /**
   * @param {string} sessionId
   * @param {boolean} byUser
   */
  #choose(sessionId, byUser) {
    this.#chosenByUser = byUser;
    if (byUser) history.replaceState(null, '', `#${encodeURIComponent(sessionId)}`);
    if (this.#chosen === sessionId && this.#detailViews) return;
    this.#chosen = sessionId;
    this.#closeDetail();
    const where = { sessionId: { eq: sessionId } };
    const view = (/** @type {import('./live-view.js').ViewDefinition} */ definition) =>
      new LiveView(
        this.#socket,
        definition,
        where,
        ({ frame }) => this.#arrived(frame),
        (message, code) => this.#onProblem(problemOf(message, code)),
      );
    this.#detailViews = {
      orderMix: view(views.orderMix),
      busiestPlayers: view(views.busiestPlayers),
      playerActivity: view(views.playerActivity),
    };
    this.#draw();
  }

  #closeDetail() {
    if (!this.#detailViews) return;
    for (const view of Object.values(this.#detailViews)) view.close();
    this.#detailViews = null;
  }
}

/**
 * @param {string} message
 * @param {string} code
 */
function problemOf(message, code) {
  return code === 'FORBIDDEN'
    ? 'This role may not read the views of a match. Sign in as liveops.'
    : `${message} (${code})`;
}
