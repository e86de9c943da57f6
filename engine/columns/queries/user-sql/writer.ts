import { quoteName } from '../sql-text.ts';
import type { Token } from './lexer.ts';
import { type Place, refused } from './refusal.ts';
import {
  isAllowedFunction,
  isAllowedType,
  keywords,
  keywordsBeforeBracket,
  tableFunctions,
} from './vocabulary.ts';

export interface WrittenSql {
  readonly sql: string;
  /** The parameters that the text names, with the type of each place. */
  readonly parameters: readonly { readonly name: string; readonly type: string }[];
}

/**
 * A user's tokens as the text that runs: known keywords, known functions and known types bare, every
 * other name quoted. So no word can turn into one with a meaning of its own (SETTINGS, FORMAT, INTO
 * OUTFILE, SYSTEM …), and whatever stands before a bracket is known. Refuses the rest with its place.
 */
export function writeSql(tokens: readonly Token[], database: string): WrittenSql {
  return new Writer(withoutEnd(tokens), database).write();
}

/** Without the semicolons that may end the text. */
function withoutEnd(tokens: readonly Token[]): readonly Token[] {
  let count = tokens.length;
  while (count > 0 && isSign(tokens[count - 1], ';')) count -= 1;
  return tokens.slice(0, count);
}

class Writer {
  readonly #tokens: readonly Token[];
  readonly #database: string;
  readonly #parameters: { readonly name: string; readonly type: string }[] = [];
  /** What stands before each open bracket; '' where nothing is called. */
  readonly #open: string[] = [];
  #at = 0;
  #sql = '';

  constructor(tokens: readonly Token[], database: string) {
    this.#tokens = tokens;
    this.#database = database;
  }

  write(): WrittenSql {
    const first = this.#tokens[0];
    if (first === undefined) throw refused(onlyOneSelect);
    if (!isSign(first, '(') && !isOneOf(first, ['select', 'with', 'from'])) {
      throw refused(`${onlyOneSelect}; this text begins with "${first.text}"`, first.place);
    }
    while (this.#at < this.#tokens.length) this.#step(this.#tokens[this.#at] as Token);
    return { sql: this.#sql, parameters: this.#parameters };
  }

  #step(token: Token): void {
    const before = this.#tokens[this.#at - 1];
    const next = this.#tokens[this.#at + 1];
    this.#at += 1;
    switch (token.kind) {
      case 'word':
      case 'name':
        if (isSign(before, '.') || isSign(next, '.')) this.#namePart(token, before, next);
        else if (isSign(next, '(')) this.#beforeBracket(token);
        else this.#word(token, next);
        return;
      case 'parameter': {
        const type = token.type ?? '';
        if (!isAllowedType(type)) {
          throw refused(`a parameter cannot have the type ${type}`, token.place);
        }
        this.#parameters.push({ name: token.text, type });
        this.#put(`{${token.text}:${type}}`);
        return;
      }
      case 'sign': {
        this.#sign(token, before);
        return;
      }
      default: {
        this.#put(token.text);
        return;
      }
    }
  }

  /** Writes one name of `a.b`; a call with a dot in its name is none that is known. */
  #namePart(token: Token, before: Token | undefined, next: Token | undefined): void {
    if (isSign(next, '(')) throw refused(`${token.text} cannot be called`, token.place);
    if (!isSign(before, '.')) this.#requireOwn(token.text, token.place);
    this.#put(quoteName(token.text));
  }

  #requireOwn(name: string, place: Place): void {
    const lower = name.toLowerCase();
    const isForeign =
      /^(?:system|information_schema)$/.test(lower) ||
      (lower.startsWith('tickloom_') && name !== this.#database);
    if (isForeign) {
      throw refused(`there is no "${name}" to read from; name the title's own tables`, place);
    }
  }

  #beforeBracket(token: Token): void {
    const lower = token.text.toLowerCase();
    const isKeyword = token.kind === 'word' && keywordsBeforeBracket.has(lower);
    if (!isKeyword && !tableFunctions.has(lower) && !isAllowedFunction(token.text)) {
      throw refused(
        `the function ${token.text} cannot be used; docs/sql.md lists those that can`,
        token.place,
      );
    }
    this.#put(token.text);
    if (lower === 'cast') this.#open.push(lower);
    else this.#open.push('');
    this.#sql += '(';
    this.#at += 1;
  }

  #word(token: Token, next: Token | undefined): void {
    if (token.kind === 'name') {
      this.#put(quoteName(token.text));
      return;
    }
    const lower = token.text.toLowerCase();
    this.#refuseTails(token, lower, next);
    const isLiteral = next?.kind === 'string' && (lower === 'date' || lower === 'timestamp');
    this.#put(keywords.has(lower) || isLiteral ? token.text : quoteName(token.text));
    if (lower === 'as' && this.#open.at(-1) === 'cast') this.#type();
  }

  /** Words that users of ClickHouse write behind a SELECT are refused by name. */
  #refuseTails(token: Token, lower: string, next: Token | undefined): void {
    const afterNext = this.#tokens[this.#at + 1];
    if (lower === 'settings' && next?.kind === 'word' && isSign(afterNext, '=')) {
      throw refused('SETTINGS cannot be given', token.place);
    }
    if (lower === 'into' && isOneOf(next, ['outfile'])) {
      throw refused('INTO OUTFILE is not possible; order an export', token.place);
    }
    if (lower === 'format' && next?.kind === 'word' && afterNext === undefined) {
      throw refused('FORMAT is not possible; order an export', token.place);
    }
  }

  #sign(token: Token, before: Token | undefined): void {
    if (token.text === ';') throw refused(onlyOneSelect, token.place);
    if (token.text === '(') this.#open.push('');
    if (token.text === ')' && this.#open.pop() === undefined) {
      throw refused('a bracket is closed that was not opened', token.place);
    }
    // Behind a dot a string or a bracket would begin a form that this check does not know.
    const next = this.#tokens[this.#at];
    if (token.text === '.') {
      const isPart = next?.kind === 'word' || next?.kind === 'name' || next?.kind === 'number';
      if (before === undefined || !(isPart || isSign(next, '*') || isColumns(next))) {
        throw refused('a dot stands between the parts of a name', token.place);
      }
    }
    this.#put(token.text);
    if (token.text === '::') this.#type();
  }

  /** A type from here to its end, as it stands. */
  #type(): void {
    const first = this.#tokens[this.#at];
    if (first?.kind !== 'word') throw refused('a type is missing', first?.place);
    let type = first.text;
    this.#at += 1;
    if (isSign(this.#tokens[this.#at], '(')) {
      let depth = 0;
      do {
        const token = this.#tokens[this.#at];
        if (token === undefined) throw refused('a bracket is not closed', first.place);
        if (isSign(token, '(')) depth += 1;
        if (isSign(token, ')')) depth -= 1;
        const space = token.kind === 'sign' || type.endsWith('(') ? '' : ' ';
        type += space + (token.kind === 'name' ? quoteName(token.text) : token.text);
        this.#at += 1;
      } while (depth > 0);
    }
    if (!isAllowedType(type)) throw refused(`the type ${type} cannot be used`, first.place);
    this.#put(type);
  }

  #put(text: string): void {
    const isTight = /^[.,)\]]$/.test(text) || /[.([]$/.test(this.#sql);
    this.#sql += this.#sql === '' || isTight ? text : ` ${text}`;
  }
}

const onlyOneSelect = 'only one SELECT is possible, without FORMAT, SETTINGS and INTO OUTFILE';

function isSign(token: Token | undefined, text: string): boolean {
  return token?.kind === 'sign' && token.text === text;
}

function isOneOf(token: Token | undefined, words: readonly string[]): boolean {
  return token?.kind === 'word' && words.includes(token.text.toLowerCase());
}

function isColumns(token: Token | undefined): boolean {
  return isOneOf(token, ['columns']);
}
