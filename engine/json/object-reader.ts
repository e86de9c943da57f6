import type { BodyText } from './body-text.ts';
import { closeBrace, type JsonCursor, openBrace } from './json-cursor.ts';
import { type Field, KeyOrder } from './key-order.ts';
import { notTaken } from './not-taken.ts';
import type { Scratch } from './scratch.ts';

/** Reads one kind of value. `row` says whose it is: of a row's value, the row's index. */
export interface Member {
  /** The cursor stands before the value, perhaps with white space between. */
  read(json: JsonCursor, text: BodyText, row: number): void;
}

/** A name an object may have, and who reads what stands under it. */
export interface NamedMember extends Field {
  readonly member: Member;
}

/**
 * Reads one object: each key that `root` knows by the member of its index. Answers the keys in their
 * order.
 */
export function readObject(
  json: JsonCursor,
  text: BodyText,
  row: number,
  root: KeyOrder,
  members: readonly Member[],
): KeyOrder {
  json.expect(openBrace);
  let order = root;
  if (!json.closes(closeBrace)) {
    do {
      json.peek();
      order = order.next(json);
      (members[order.field] as Member).read(json, text, row);
    } while (json.more(closeBrace));
  }
  if (!order.complete) throw notTaken;
  return order;
}

/** Reads objects of one type, member by member, in whatever order they come. */
export class ObjectReader implements Member {
  /** Of an object without keys. */
  readonly root: KeyOrder;
  /** The keys of the object read last, in their order. */
  order: KeyOrder;
  readonly #members: readonly Member[];

  constructor(scratch: Scratch, members: readonly NamedMember[]) {
    this.root = KeyOrder.rootOf(members, scratch);
    this.order = this.root;
    this.#members = members.map(({ member }) => member);
  }

  read(json: JsonCursor, text: BodyText, row: number): void {
    this.order = readObject(json, text, row, this.root, this.#members);
  }
}

/** Reads objects that have exactly one of their members: GraphQL's `@oneOf`. */
export class OneOfReader implements Member {
  readonly #root: KeyOrder;
  readonly #members: readonly Member[];

  constructor(scratch: Scratch, members: readonly Omit<NamedMember, 'required'>[]) {
    this.#root = KeyOrder.rootOf(
      members.map(({ name }) => ({ name, required: false })),
      scratch,
    );
    this.#members = members.map(({ member }) => member);
  }

  read(json: JsonCursor, text: BodyText, row: number): void {
    json.expect(openBrace);
    json.peek();
    const { field } = this.#root.next(json);
    (this.#members[field] as Member).read(json, text, row);
    json.expect(closeBrace);
  }
}
