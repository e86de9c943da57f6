import { notTaken } from './not-taken.ts';

/**
 * Reads JSON (RFC 8259) from bytes, forwards, without making objects or strings. The bytes must be
 * valid UTF-8. Whatever is not JSON, and what is but is not wanted, throws `notTaken`.
 */
export class JsonCursor {
  readonly bytes: Buffer;
  /** The same bytes, to be read four at a time. */
  readonly #words: DataView;
  /** The place of the byte that is read next. */
  at: number;
  /** The text read last: its bytes as they stand, without the quotes. */
  from = 0;
  to = 0;
  /** It has escapes, so its bytes are not its value. They are checked where they are decoded. */
  escaped = false;

  constructor(bytes: Buffer, at: number) {
    this.bytes = bytes;
    this.#words = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.at = at;
  }

  /** Skips a text that stands next, and answers whether it did. */
  skipText(text: KnownText): boolean {
    const { words, last } = text;
    const { at } = this;
    const lastAt = at + text.length - 4;
    if (lastAt + 4 > this.bytes.length) return false;
    const view = this.#words;
    if (view.getInt32(lastAt, true) !== last) return false;
    for (let i = 0; i < words.length; i++) {
      if (view.getInt32(at + i * 4, true) !== words[i]) return false;
    }
    this.at = lastAt + 4;
    return true;
  }

  /** The next byte that is no white space, which is skipped; 0 at the end. */
  peek(): number {
    const { bytes } = this;
    let { at } = this;
    let byte = bytes[at] as number;
    while (byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09) {
      byte = bytes[++at] as number;
    }
    this.at = at;
    return at < bytes.length ? byte : 0;
  }

  /** Skips white space and the byte, which must stand there. */
  expect(byte: number): void {
    if (this.peek() !== byte) throw notTaken;
    this.at++;
  }

  /** Whether the object or list just opened ends at once; its end is skipped. */
  closes(close: number): boolean {
    if (this.peek() !== close) return false;
    this.at++;
    return true;
  }

  /** After a member: whether another follows. Skips the comma or the end. */
  more(close: number): boolean {
    const byte = this.peek();
    if (byte !== comma && byte !== close) throw notTaken;
    this.at++;
    return byte === comma;
  }

  /** Skips `null` if it stands here. The place must be that of a value. */
  isNull(): boolean {
    if (this.bytes[this.at] !== 0x6e) return false;
    this.#literal(nullText);
    return true;
  }

  boolean(): boolean {
    const isTrue = this.bytes[this.at] === 0x74;
    this.#literal(isTrue ? trueText : falseText);
    return isTrue;
  }

  #literal(text: Uint8Array): void {
    for (let i = 0; i < text.length; i++) {
      if (this.bytes[this.at + i] !== text[i]) throw notTaken;
    }
    this.at += text.length;
  }

  /** Reads a text into `from`, `to` and `escaped`. */
  text(): void {
    const { bytes } = this;
    let { at } = this;
    if (bytes[at] !== quote) throw notTaken;
    this.from = ++at;
    this.escaped = false;
    for (let byte = bytes[at] as number; byte !== quote; byte = bytes[at] as number) {
      // Past the end there is no byte, which compares as false too.
      if (!(byte >= 0x20)) throw notTaken;
      if (byte === backslash) {
        this.escaped = true;
        at++;
      }
      at++;
    }
    this.to = at;
    this.at = at + 1;
  }

  /** Reads a text without escapes. */
  plainText(): void {
    this.text();
    if (this.escaped) throw notTaken;
  }

  /** The value of the text read last. */
  textValue(): string {
    const { bytes, from, to } = this;
    return this.escaped
      ? (parseJson(bytes.toString('utf8', from - 1, to + 1)) as string)
      : bytes.toString('utf8', from, to);
  }

  /** A number as `JSON.parse` reads it. */
  number(): number {
    const { bytes } = this;
    const start = this.at;
    let at = start;
    let byte = bytes[at] as number;
    const isNegative = byte === minus;
    if (isNegative) byte = bytes[++at] as number;
    if (!isDigit(byte)) throw notTaken;
    let mantissa = byte - 48;
    byte = bytes[++at] as number;
    if (mantissa === 0 && isDigit(byte)) throw notTaken;
    for (; isDigit(byte); byte = bytes[++at] as number) mantissa = mantissa * 10 + (byte - 48);
    let decimals = 0;
    if (byte === point) {
      const first = at + 1;
      byte = bytes[++at] as number;
      if (!isDigit(byte)) throw notTaken;
      for (; isDigit(byte); byte = bytes[++at] as number) mantissa = mantissa * 10 + (byte - 48);
      decimals = at - first;
    }
    if (byte === 0x65 || byte === 0x45) return this.#withExponent(start, at);
    // Both operands are exact doubles, so the one division rounds as the true value does (Clinger,
    // "How to read floating point numbers accurately", 1990). A sum that passed 2^53 on its way
    // was rounded to 2^53 or more, so the comparison finds it.
    if (mantissa >= exactMax || decimals > 22) return this.#numberOf(start, at);
    this.at = at;
    const value = decimals === 0 ? mantissa : mantissa / (powersOfTen[decimals] as number);
    return isNegative ? -value : value;
  }

  #withExponent(start: number, mark: number): number {
    const { bytes } = this;
    let at = mark + 1;
    if (bytes[at] === minus || bytes[at] === plus) at++;
    if (!isDigit(bytes[at] as number)) throw notTaken;
    while (isDigit(bytes[at] as number)) at++;
    return this.#numberOf(start, at);
  }

  #numberOf(start: number, end: number): number {
    this.at = end;
    return Number(this.bytes.toString('latin1', start, end));
  }

  /** A whole number of 32 bits with a sign: GraphQL's Int. */
  int(): number {
    const { bytes } = this;
    const start = this.at;
    let at = start;
    let byte = bytes[at] as number;
    let value = 0;
    // Nine digits fit, and a zero ends itself: what is longer or otherwise written goes the long way.
    for (; isDigit(byte) && at - start < 9; byte = bytes[++at] as number) {
      value = value * 10 + (byte - 48);
    }
    const isWhole = !isDigit(byte) && byte !== point && byte !== 0x65 && byte !== 0x45;
    if (isWhole && at > start && (bytes[start] !== 48 || at - start === 1)) {
      this.at = at;
      return value;
    }
    const number = this.number();
    if ((number | 0) !== number) throw notTaken;
    return number;
  }

  /**
   * Skips a value without checking more than that its quotes and brackets pair: whoever skips it
   * decodes it later, and then it must end where the skip did.
   */
  skip(): void {
    const { bytes } = this;
    let depth = 0;
    do {
      const byte = this.peek();
      if (byte === quote) this.text();
      else if (byte === openBrace || byte === openBracket) {
        depth++;
        this.at++;
      } else if (byte === closeBrace || byte === closeBracket) {
        depth--;
        this.at++;
      } else if (depth > 0 && (byte === comma || byte === colon)) this.at++;
      else {
        const start = this.at;
        while (isOfLiteral(bytes[this.at] as number)) this.at++;
        if (this.at === start) throw notTaken;
      }
    } while (depth > 0);
    if (depth < 0) throw notTaken;
  }
}

/** A text of at least four bytes, in the words that it is compared by. */
export class KnownText {
  readonly length: number;
  /** The last four bytes; of what is before them, the words that it takes to cover it. */
  readonly last: number;
  readonly words: Int32Array;

  constructor(text: string) {
    const bytes = Buffer.from(text, 'latin1');
    this.length = bytes.length;
    this.last = bytes.readInt32LE(bytes.length - 4);
    this.words = new Int32Array(Math.ceil(bytes.length / 4) - 1);
    for (let i = 0; i < this.words.length; i++) this.words[i] = bytes.readInt32LE(i * 4);
  }
}

/** `JSON.parse`, with `notTaken` for what is no JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw notTaken;
  }
}

export const quote = 0x22;
export const comma = 0x2c;
export const colon = 0x3a;
export const openBrace = 0x7b;
export const closeBrace = 0x7d;
export const openBracket = 0x5b;
export const closeBracket = 0x5d;
const backslash = 0x5c;
const minus = 0x2d;
const plus = 0x2b;
const point = 0x2e;

const nullText = Buffer.from('null');
const trueText = Buffer.from('true');
const falseText = Buffer.from('false');

const exactMax = 2 ** 53;
const powersOfTen = Array.from({ length: 23 }, (_, exponent) => Number(`1e${exponent}`));

function isDigit(byte: number): boolean {
  return byte >= 48 && byte <= 57;
}

/** Of numbers, `true`, `false` and `null`. */
function isOfLiteral(byte: number): boolean {
  return (
    isDigit(byte) ||
    (byte >= 0x61 && byte <= 0x7a) ||
    byte === 0x45 ||
    byte === minus ||
    byte === plus ||
    byte === point
  );
}
