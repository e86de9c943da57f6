import type { LoadRows } from './load-config.ts';
import { Random } from './random.ts';
import {
  indexDigits,
  orderKinds,
  type TickBodies,
  tickDigits,
  type UnitVersions,
  writeDigits,
  writePadded,
} from './tick-bodies.ts';

const mutation =
  'mutation Commit($input: CommitTickInput!) { commitTick(input: $input) { position duplicate accepted rejected aborted } }';
const numberWidth = 10;

/** Ticks as GraphQL requests: rows as JSON in a variable. Patched copies of one text. */
export class JsonBodies implements TickBodies {
  readonly rows: number;
  readonly contentType = 'application/json';
  readonly #load: LoadRows;
  readonly #units: UnitVersions | null;
  readonly #template: Uint8Array<ArrayBuffer>;
  readonly #tickAt: number;
  readonly #afterAt: number;
  readonly #idsAt: readonly number[];
  readonly #unitsAt: readonly number[];
  readonly #versionsAt: readonly number[];
  readonly #spare: Uint8Array<ArrayBuffer>[] = [];
  #inserted = 0;

  constructor(sessionId: string, load: LoadRows, units: UnitVersions | null, seed: number) {
    this.rows = load.rows;
    this.#load = load;
    this.#units = units;
    const text = new SlottedText();
    text.add(`{"query":${JSON.stringify(mutation)},"variables":{"input":{"sessionId":`);
    text.add(`${JSON.stringify(sessionId)},"tick":`);
    this.#tickAt = text.slot(numberWidth);
    text.add(',"afterTick":');
    this.#afterAt = text.slot(numberWidth);
    const places = writeRows(text, load, new Random(seed));
    text.add('}}}');
    this.#idsAt = places.ids;
    this.#unitsAt = places.units;
    this.#versionsAt = places.versions;
    this.#template = text.bytes();
    this.#idsAt.forEach((at, i) => {
      writeDigits(this.#template, at + tickDigits, indexDigits, i);
    });
  }

  bodyOf(tick: number): Uint8Array {
    const body = this.#spare.pop() ?? this.#template.slice();
    writePadded(body, this.#tickAt, numberWidth, tick);
    if (tick === 0) Buffer.from(body.buffer).write('null'.padStart(numberWidth), this.#afterAt);
    else writePadded(body, this.#afterAt, numberWidth, tick - 1);
    for (const at of this.#idsAt) writeDigits(body, at, tickDigits, tick);
    if (this.#load.kind === 'insertUnits') {
      for (const at of this.#unitsAt) writePadded(body, at, numberWidth, this.#inserted++);
    }
    if (this.#load.kind === 'swap') this.#writeSwaps(body);
    return body;
  }

  giveBack(body: Uint8Array): void {
    this.#spare.push(body as Uint8Array<ArrayBuffer>);
  }

  #writeSwaps(body: Uint8Array): void {
    const state = this.#units;
    if (!state) return;
    const { versions, picks } = state;
    for (let i = 0; i < this.rows; i++) {
      const unit = picks[state.next] as number;
      state.next = state.next + 1 === picks.length ? 0 : state.next + 1;
      const version = versions[unit] as number;
      versions[unit] = version + 1;
      writePadded(body, this.#unitsAt[i] as number, numberWidth, unit);
      writePadded(body, this.#versionsAt[i] as number, numberWidth, version);
    }
  }
}

interface Places {
  readonly ids: number[];
  readonly units: number[];
  readonly versions: number[];
}

function writeRows(text: SlottedText, load: LoadRows, random: Random): Places {
  const places: Places = { ids: [], units: [], versions: [] };
  const actions = load.kind === 'actions' || (load.kind === 'swap' && load.perAction);
  text.add(actions ? ',"actions":[' : ',"effects":[');
  for (let row = 0; row < load.rows; row++) {
    if (row > 0) text.add(',');
    writeRow(text, load, random, places);
  }
  text.add(']');
  return places;
}

function writeRow(text: SlottedText, load: LoadRows, random: Random, places: Places): void {
  const place = () =>
    `"x":${(random.unit() * 1024).toFixed(3)},"y":${(random.unit() * 1024).toFixed(3)}`;
  const action = (units: string) => {
    text.add('{"actionId":"');
    places.ids.push(text.slot(tickDigits + indexDigits));
    const kind = orderKinds[random.below(orderKinds.length)];
    text.add(`","playerId":${random.below(8)},"kind":"${kind}","unitIds":[${units}]`);
  };
  switch (load.kind) {
    case 'actions':
      action(`${random.below(100_000)},${random.below(100_000)}`);
      text.add(`,${place()}`);
      if (load.upserts > 0) {
        const upserts = Array.from(
          { length: load.upserts },
          () =>
            `{"unitState":{"upsert":{"key":{"unitId":${random.below(load.units)}},"set":{"ownerId":${random.below(8)},${place()}}}}}`,
        );
        text.add(`,"effects":[${upserts.join(',')}]`);
      }
      text.add('}');
      return;
    case 'ledger':
      text.add(
        `{"resourceLedger":{"append":{"playerId":${random.below(8)},"resource":"${random.below(2) ? 'MASS' : 'ENERGY'}","amount":${(random.unit() * 100).toFixed(4)}}}}`,
      );
      return;
    case 'insertUnits':
      text.add('{"unitState":{"insert":{"unitId":');
      places.units.push(text.slot(numberWidth));
      text.add(`,"ownerId":${random.below(8)},${place()},"health":100}}}`);
      return;
    case 'swap':
      if (load.perAction) {
        action('');
        text.add(',"effects":[');
      }
      text.add('{"unitState":{"compareAndSet":{"key":{"unitId":');
      places.units.push(text.slot(numberWidth));
      text.add('},"expectedVersion":');
      places.versions.push(text.slot(numberWidth));
      text.add(`,"set":{${place()}}}}}`);
      if (load.perAction) text.add(']}');
  }
}

/** ASCII text with places that are written later. */
class SlottedText {
  readonly #parts: string[] = [];
  #length = 0;

  add(text: string): void {
    this.#parts.push(text);
    this.#length += text.length;
  }

  slot(width: number): number {
    const at = this.#length;
    this.add('0'.repeat(width));
    return at;
  }

  bytes(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(Buffer.from(this.#parts.join(''), 'latin1'));
  }
}
