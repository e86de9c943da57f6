import { EngineError } from '../../../model/errors.ts';
import { limits } from '../../../model/limits.ts';
import { type Place, refused } from './refusal.ts';

/** `text` is what is written for ClickHouse; of a parameter, its name. */
export interface Token {
  readonly kind: 'word' | 'name' | 'string' | 'number' | 'parameter' | 'sign';
  readonly text: string;
  /** The type that the text gives a parameter; absent for every other token. */
  readonly type?: string;
  readonly place: Place;
}

/**
 * A user's SQL as tokens. Only what this lexer knows becomes a token, everything else is refused
 * with its place. What runs is written from the tokens: ClickHouse never reads the user's own text,
 * so the two cannot read it differently. Comments are left out.
 */
export function readTokens(text: string): readonly Token[] {
  if (Buffer.byteLength(text) > limits.sqlTextBytesMax) {
    throw tooLong('sqlTextBytesMax', 'bytes');
  }
  return new Lexer(text).read();
}

class Lexer {
  readonly #text: string;
  readonly #tokens: Token[] = [];
  #at = 0;
  #line = 1;
  #lineStart = 0;

  constructor(text: string) {
    this.#text = text;
  }

  read(): readonly Token[] {
    for (this.#skip(); this.#at < this.#text.length; this.#skip()) {
      if (this.#tokens.length === limits.sqlTokensMax) {
        throw tooLong('sqlTokensMax', 'words and signs');
      }
      this.#tokens.push(this.#next());
    }
    return this.#tokens;
  }

  #next(): Token {
    const place = this.#place();
    const first = this.#text[this.#at] ?? '';
    if (first === "'") return { kind: 'string', text: this.#string(place), place };
    if (first === '"' || first === '`') return { kind: 'name', text: this.#name(first), place };
    if (first === '{') return this.#parameter(place);
    const word = this.#match(/[A-Za-z_][A-Za-z0-9_]*/y);
    if (word !== null) return { kind: 'word', text: word, place };
    const number = this.#match(this.#isAfterDot() ? /\d+/y : numberPattern);
    if (number !== null) {
      // `1abc` is one word for ClickHouse where it is two tokens here.
      if (/[\w.$]/.test(this.#text[this.#at] ?? '') && !this.#isAfterDot()) {
        throw this.#unknown();
      }
      return { kind: 'number', text: number, place };
    }
    const sign = this.#match(signPattern);
    if (sign !== null) return { kind: 'sign', text: sign, place };
    throw this.#unknown();
  }

  /** Spaces, line ends and comments. */
  #skip(): void {
    while (this.#match(/[ \t\r\n]+|--[^\n]*/y) !== null || this.#skipComment());
  }

  #skipComment(): boolean {
    if (!this.#text.startsWith('/*', this.#at)) return false;
    const end = this.#text.indexOf('*/', this.#at + 2);
    if (end < 0) throw refused('a comment is not closed', this.#place());
    this.#advance(end + 2 - this.#at);
    return true;
  }

  /** Between quotes, with every escape that ClickHouse knows; written again by `writeCharacter`. */
  #string(place: Place): string {
    this.#advance(1);
    let written = "'";
    for (;;) {
      const character = this.#character();
      if (character === '') throw refused('a text is not closed', place);
      if (character === "'") {
        if (this.#text[this.#at] !== "'") return `${written}'`;
        this.#advance(1);
        written += "\\'";
      } else if (character === '\\') written += this.#escape(place);
      else written += writeCharacter(character, () => this.#unknownIn(place));
    }
  }

  #escape(place: Place): string {
    const character = this.#character();
    if (character === '') throw refused('a text is not closed', place);
    if ('bfrnt0av'.includes(character)) return `\\${character}`;
    if (character === 'x') {
      const digits = this.#match(/[0-9A-Fa-f]{2}/y);
      if (digits === null) throw refused('two hexadecimal digits must follow \\x', place);
      return `\\x${digits}`;
    }
    if ("\\'".includes(character)) return `\\${character}`;
    if ('"`/='.includes(character)) return character;
    if ('eNuU'.includes(character)) {
      throw refused(`\\${character} is not known; write \\\\${character}`, place);
    }
    // Before anything else ClickHouse keeps the backslash, as in '\d' and '\%'.
    return `\\\\${writeCharacter(character, () => this.#unknownIn(place))}`;
  }

  /** Within `quote`s; a name needs no escapes, and none of the signs that could hide what it is. */
  #name(quote: string): string {
    const place = this.#place();
    this.#advance(1);
    const end = this.#text.indexOf(quote, this.#at);
    if (end < 0) throw refused('a quoted name is not closed', place);
    const name = this.#text.slice(this.#at, end);
    if (!namePattern.test(name) || this.#text[end + 1] === quote) {
      throw refused(
        'a quoted name may have letters, digits, spaces and _ - + * / % ( ) [ ] # @ ! ? & | < > =',
        place,
      );
    }
    this.#advance(end + 1 - this.#at);
    return name;
  }

  #parameter(place: Place): Token {
    const whole = this.#match(/\{[ \t]*(\w{1,64})[ \t]*:([\w ,()'=.+-]{1,400})\}/y);
    const [, name, type] = /^\{[ \t]*(\w+)[ \t]*:(.*)\}$/.exec(whole ?? '') ?? [];
    if (name === undefined || type === undefined) {
      throw refused('a parameter is written {name:Type}', place);
    }
    return { kind: 'parameter', text: name, type: type.trim(), place };
  }

  #isAfterDot(): boolean {
    const last = this.#tokens.at(-1);
    return last?.kind === 'sign' && last.text === '.';
  }

  /** What matches here, and steps over it. */
  #match(sticky: RegExp): string | null {
    sticky.lastIndex = this.#at;
    const found = sticky.exec(this.#text)?.[0];
    if (found === undefined) return null;
    this.#advance(found.length);
    return found;
  }

  #character(): string {
    const point = this.#text.codePointAt(this.#at);
    if (point === undefined) return '';
    const character = String.fromCodePoint(point);
    this.#advance(character.length);
    return character;
  }

  #advance(units: number): void {
    const end = this.#at + units;
    for (let i = this.#at; i < end; i++) {
      if (this.#text[i] !== '\n') continue;
      this.#line += 1;
      this.#lineStart = i + 1;
    }
    this.#at = end;
  }

  #place(): Place {
    return { line: this.#line, column: this.#at - this.#lineStart + 1 };
  }

  #unknown() {
    const point = this.#text.codePointAt(this.#at) ?? 0;
    return refused(`${nameOfCharacter(point)} cannot stand here`, this.#place());
  }

  #unknownIn(place: Place) {
    return refused('a text holds a character that cannot be sent', place);
  }
}

/** `.5` too: where a value ended before, a dot is taken for the sign (`signPattern` comes later). */
const numberPattern = /0x[0-9A-Fa-f]+|0b[01]+|\d+(?:_\d+)*(?:\.\d+|\.(?![\w.]))?(?:[eE][+-]?\d+)?/y;

/** Longest first. */
const signPattern = /<=>|->|\|\||<=|>=|<>|!=|==|::|[-+*/%()[\],.;<>=?:]/y;

const namePattern = /^[\p{L}\p{M}\p{N} _\-+*/%()[\]#@!?&|<>=]{1,256}$/u;

/** Control characters and separators of lines as escapes of their bytes; the rest as it is. */
function writeCharacter(character: string, refuse: () => Error): string {
  if (/^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u.test(character)) return character;
  if (character === '\0' || /^\p{Cs}$/u.test(character)) throw refuse();
  return Array.from(
    Buffer.from(character),
    (byte) => `\\x${byte.toString(16).padStart(2, '0')}`,
  ).join('');
}

function tooLong(limit: 'sqlTextBytesMax' | 'sqlTokensMax', what: string): EngineError {
  const max = limits[limit];
  return new EngineError(
    'LIMIT_EXCEEDED',
    `SQL: the text has more than ${max} ${what}; give long lists as parameters`,
    { details: { limit, max } },
  );
}

function nameOfCharacter(point: number): string {
  const character = String.fromCodePoint(point);
  return point > 0x20 && point < 0x7f
    ? `"${character}"`
    : `the character U+${point.toString(16).toUpperCase().padStart(4, '0')}`;
}
