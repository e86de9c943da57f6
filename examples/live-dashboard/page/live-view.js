/** @typedef {import('./graphql-socket.js').GraphqlSocket} GraphqlSocket */

/**
 * @typedef {object} ViewDefinition
 * @property {string} name
 * @property {readonly string[]} key
 * @property {readonly string[]} columns  The key's included.
 * @property {boolean} [isExact]  Values are shown as they came, not reckoned with.
 */

/** @type {Record<'matchPulse' | 'orderMix' | 'busiestPlayers' | 'playerActivity', ViewDefinition>} */
export const views = {
  matchPulse: {
    name: 'matchPulse',
    key: ['sessionId'],
    columns: ['sessionId', 'actions', 'accepted', 'rejected', 'lastTick', 'players'],
  },
  orderMix: {
    name: 'orderMix',
    key: ['sessionId', 'kind'],
    columns: ['sessionId', 'kind', 'count'],
  },
  busiestPlayers: {
    name: 'busiestPlayers',
    key: ['sessionId', 'playerId'],
    columns: ['sessionId', 'playerId', 'actions'],
  },
  playerActivity: {
    name: 'playerActivity',
    key: ['sessionId', 'playerId', 'tickWindow'],
    columns: ['sessionId', 'playerId', 'tickWindow', 'actions', 'orders', 'unitsCommanded'],
  },
};

/** A tenth of a second is as often as an eye profits from; the server folds the ticks between. */
const framesPerSecondMax = 10;
const textColumns = new Set(['sessionId', 'kind']);

/**
 * The rows of one view, folded from the frames of its subscription and resumed by cursor after a
 * lost connection.
 *
 * @typedef {{ [column: string]: any }} Row
 * @typedef {{ kind: string, cursor: string, position: string, tick: number | null, rows: Row[], removed: Row[] }} Frame
 * @typedef {{ frame: Frame, changed: Row[], before: Map<string, Row>, baseline: boolean }} Change
 *   `before`: the changed rows as they were. `baseline`: the first frame of a connection, whose
 *   differences are of unknown age.
 */
export class LiveView {
  /** @type {Map<string, Row>} */
  rows = new Map();
  /** @type {string | null} */
  cursor = null;
  /** @type {string | null} */
  position = null;
  #definition;
  #fresh = true;
  #end;

  /**
   * @param {GraphqlSocket} socket
   * @param {ViewDefinition} definition
   * @param {Record<string, unknown> | null} where
   * @param {(change: Change) => void} onChange
   * @param {(message: string, code: string) => void} onError
   */
  constructor(socket, definition, where, onChange, onError) {
    this.#definition = definition;
    const type = definition.name[0]?.toUpperCase() + definition.name.slice(1);
    const field = `${definition.name}Changes`;
    const query = `subscription ${type}Changes($where: ${type}Where, $cursor: String, $maxRate: Float) {
      ${field}(where: $where, cursor: $cursor, maxRate: $maxRate) {
        kind cursor position tick
        rows { ${definition.columns.join(' ')} }
        removed { ${definition.key.join(' ')} }
      }
    }`;
    this.#end = socket.subscribe({
      query,
      variables: () => {
        this.#fresh = true;
        return { where, cursor: this.cursor, maxRate: framesPerSecondMax };
      },
      next: (data) => onChange(this.#fold(data[field])),
      error: onError,
    });
  }

  close() {
    this.#end();
  }

  /**
   * @param {Frame} frame
   * @returns {Change}
   */
  #fold(frame) {
    const baseline = this.#fresh;
    this.#fresh = false;
    this.cursor = frame.cursor;
    this.position = frame.position;
    /** @type {Map<string, Row>} */
    const before = new Map();
    const previous = this.rows;
    if (frame.kind === 'SNAPSHOT' || frame.kind === 'RESET') this.rows = new Map();
    for (const row of frame.rows) {
      for (const column of this.#definition.isExact ? [] : this.#definition.columns) {
        // 64-bit counts come as strings once they are large; none here passes 2^53.
        if (!textColumns.has(column) && row[column] !== null) row[column] = Number(row[column]);
      }
      const key = this.keyOf(row);
      const old = previous.get(key);
      if (old) before.set(key, old);
      this.rows.set(key, row);
    }
    for (const row of frame.removed) this.rows.delete(this.keyOf(row));
    return { frame, changed: frame.rows, before, baseline };
  }

  /** @param {Row} row */
  keyOf(row) {
    return this.#definition.key.map((column) => String(row[column])).join('\n');
  }
}
