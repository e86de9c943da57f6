import { colon, type JsonCursor, KnownText } from './json-cursor.ts';
import { NameTable } from './name-table.ts';
import { notTaken } from './not-taken.ts';
import type { Scratch } from './scratch.ts';

/** What an object may hold. */
export interface Field {
  readonly name: string;
  readonly required: boolean;
}

/**
 * The orders in which the keys of one type of object have come so far: a tree with a node for each
 * beginning of an order. Rows of one writer have their keys in one order, so at each node the key
 * that followed last is compared with the bytes before any is looked up.
 *
 * The node at which an object ends names its keys and their order, so whatever depends on them is
 * worked out once a node, not once a row.
 */
export class KeyOrder {
  /** The index of the key that led here; -1 at the root. */
  readonly field: number;
  /** Every required field is among the keys that led here. */
  readonly complete: boolean;
  readonly parent: KeyOrder | null;
  readonly #type: ObjectType;
  readonly #missing: number;
  /** The key that led here, as a writer without white space writes it: `"name":`. */
  readonly #key: KnownText;
  readonly #next: (KeyOrder | undefined)[] = [];
  #likely: KeyOrder | null = null;

  private constructor(type: ObjectType, parent: KeyOrder | null, field: number, missing: number) {
    this.#type = type;
    this.parent = parent;
    this.field = field;
    this.#missing = missing;
    this.complete = missing === 0;
    this.#key = new KnownText(`"${type.fields[field]?.name ?? ' '}":`);
  }

  static rootOf(fields: readonly Field[], scratch: Scratch): KeyOrder {
    const type = { fields, scratch, names: new NameTable(fields.map(({ name }) => name)) };
    return new KeyOrder(type, null, -1, fields.filter(({ required }) => required).length);
  }

  /** Reads a key and its colon. Throws `notTaken` for one that is unknown or came before. */
  next(json: JsonCursor): KeyOrder {
    const likely = this.#likely;
    if (likely !== null && json.skipText(likely.#key)) return likely;
    return this.#lookUp(json);
  }

  #lookUp(json: JsonCursor): KeyOrder {
    json.plainText();
    const field = this.#type.names.indexOf(json.bytes, json.from, json.to);
    json.expect(colon);
    let next = this.#next[field];
    if (next === undefined) {
      for (let at: KeyOrder | null = this; at !== null; at = at.parent) {
        if (at.field === field) throw notTaken;
      }
      this.#type.scratch.addForm();
      const { required } = this.#type.fields[field] as Field;
      next = new KeyOrder(this.#type, this, field, this.#missing - (required ? 1 : 0));
      this.#next[field] = next;
    }
    this.#likely = next;
    return next;
  }
}

interface ObjectType {
  readonly fields: readonly Field[];
  readonly names: NameTable;
  readonly scratch: Scratch;
}
