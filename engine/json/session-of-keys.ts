import type { BodyText } from './body-text.ts';
import type { JsonCursor } from './json-cursor.ts';
import { notTaken } from './not-taken.ts';
import type { Member } from './object-reader.ts';

/**
 * Reads `sessionId` in the keys of a tick's effects. It may be there if it is the tick's own, which
 * may stand behind all effects in the body: so all are held to the first, and the tick to that.
 */
export class SessionOfKeys implements Member {
  #from = -1;
  #to = -1;

  read(json: JsonCursor, _text: BodyText, _row: number): void {
    json.peek();
    if (json.isNull()) return;
    json.plainText();
    if (this.#from < 0) {
      this.#from = json.from;
      this.#to = json.to;
    } else this.#compare(json, json.from, json.to);
  }

  /** Another tick begins. */
  clear(): void {
    this.#from = -1;
  }

  /** Holds the keys to the tick's session, which stands there. */
  check(json: JsonCursor, from: number, to: number): void {
    if (this.#from >= 0) this.#compare(json, from, to);
  }

  #compare({ bytes }: JsonCursor, from: number, to: number): void {
    if (bytes.compare(bytes, from, to, this.#from, this.#to) !== 0) throw notTaken;
  }
}
