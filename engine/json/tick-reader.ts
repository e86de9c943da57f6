import type { Catalog } from '../model/catalog.ts';
import { limits } from '../model/limits.ts';
import { type TickBatch, tickItself } from '../tick/tick-batch.ts';
import { actionBatchColumns } from '../tick/tick-record.ts';
import type { ColumnMemory } from '../vectors/column-memory.ts';
import type { BodyText } from './body-text.ts';
import { Cells } from './cells.ts';
import { HeaderReader } from './header-reader.ts';
import { closeBracket, type JsonCursor, openBracket } from './json-cursor.ts';
import { notTaken } from './not-taken.ts';
import { type Member, ObjectReader, OneOfReader } from './object-reader.ts';
import { operationsOn } from './operation-readers.ts';
import { Scratch } from './scratch.ts';
import { SessionOfKeys } from './session-of-keys.ts';
import { TickStreams } from './stream-cells.ts';

/**
 * Reads a tick, in the shape of GraphQL's `CommitTickInput`, from JSON into columns: in one pass,
 * without an object or a string an action. Its cells are used again for the next tick.
 */
export class TickReader {
  readonly scratch = new Scratch();
  readonly #header = new HeaderReader();
  readonly #session = new SessionOfKeys();
  readonly #streams = new TickStreams(this.scratch);
  readonly #columns: readonly Cells[];
  readonly #action: ObjectReader;
  readonly #effect: OneOfReader;
  readonly #tick: ObjectReader;
  #actionCount = 0;
  #effectCount = 0;
  /** Where the tick's own effects stand; -1: nowhere yet. */
  #ownEffectsAt = -1;
  /** Actions came behind them, and go before them. */
  #areOwnEffectsDue = false;

  constructor(catalog: Catalog) {
    const { scratch } = this;
    const context = { scratch, streams: this.#streams, session: this.#session };
    const written = [...catalog.tables.values()].filter((table) => table.kind !== 'action');
    this.#effect = new OneOfReader(
      scratch,
      written.map((table) => ({
        name: table.name,
        member: new OneOfReader(scratch, operationsOn(context, table)),
      })),
    );
    const columns = actionBatchColumns(catalog.actionTable);
    this.#columns = columns.map((column) => new Cells(scratch, column));
    this.#action = new ObjectReader(scratch, [
      ...columns.map(({ name, optional, list }, i) => ({
        name,
        required: !optional && !list,
        member: this.#columns[i] as Cells,
      })),
      member('effects', (json, text, row) => {
        this.#readEffects(json, text, row, limits.actionEffectsMax);
      }),
    ]);
    this.#tick = new ObjectReader(scratch, [
      ...this.#header.members,
      member('actions', (json, text) => this.#readActions(json, text)),
      member('effects', (json, text) => {
        json.peek();
        this.#ownEffectsAt = json.at;
        this.#readEffects(json, text, tickItself, limits.tickEffectsMax);
      }),
    ]);
  }

  /** Reads the value at the cursor. Throws `notTaken`; the next tick can be read nevertheless. */
  read(json: JsonCursor, text: BodyText, memory: ColumnMemory): TickBatch {
    this.#clear();
    this.#tick.read(json, text, 0);
    if (this.#areOwnEffectsDue) this.#readOwnEffects(json, text);
    this.#session.check(json, this.#header.sessionFrom, this.#header.sessionTo);
    const length = this.#actionCount;
    return {
      header: this.#header.header(),
      actions: { length, vectors: this.#columns.map((cells) => cells.seal(memory, text, length)) },
      streams: this.#streams.seal(memory, text),
    };
  }

  #readActions(json: JsonCursor, text: BodyText): void {
    json.expect(openBracket);
    if (json.closes(closeBracket)) return;
    if (this.#ownEffectsAt >= 0) this.#putOffOwnEffects();
    do {
      if (this.#actionCount === limits.tickActionsMax) throw notTaken;
      this.#action.read(json, text, this.#actionCount++);
    } while (json.more(closeBracket));
  }

  #readEffects(json: JsonCursor, text: BodyText, action: number, effectsMax: number): void {
    json.expect(openBracket);
    if (json.closes(closeBracket)) return;
    this.#streams.beginAction();
    const most = Math.min(limits.tickEffectsMax, this.#effectCount + effectsMax);
    do {
      if (this.#effectCount === most) throw notTaken;
      this.#effectCount++;
      this.#effect.read(json, text, action);
    } while (json.more(closeBracket));
  }

  /** The tick's own effects come after its actions, wherever they stand. */
  #putOffOwnEffects(): void {
    this.#clearEffects();
    this.#areOwnEffectsDue = true;
  }

  #readOwnEffects(json: JsonCursor, text: BodyText): void {
    const end = json.at;
    json.at = this.#ownEffectsAt;
    this.#readEffects(json, text, tickItself, limits.tickEffectsMax);
    json.at = end;
  }

  #clear(): void {
    for (const cells of this.#columns) cells.clear(this.#actionCount);
    this.#clearEffects();
    this.#header.clear();
    this.#actionCount = 0;
    this.#ownEffectsAt = -1;
    this.#areOwnEffectsDue = false;
  }

  #clearEffects(): void {
    this.#streams.clear();
    this.#session.clear();
    this.#effectCount = 0;
  }
}

function member(name: string, read: Member['read']) {
  return { name, required: false, member: { read } };
}
