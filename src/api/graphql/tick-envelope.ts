import {
  closeBrace,
  colon,
  JsonCursor,
  openBrace,
  parseJson,
  quote,
} from '../../../engine/json/json-cursor.ts';
import { notTaken, taken } from '../../../engine/json/not-taken.ts';
import type { GraphqlParams } from './graphql-params.ts';
import type { TickDocument, TickDocuments } from './tick-documents.ts';

/**
 * What stands around a tick in the body of a request, read without an object:
 * `{ "query": …, "operationName"?: …, "variables": { "input": <the tick> }, "extensions"?: … }`,
 * in any order. First `findTick`, then, with the place where the tick ends, `finish`. Both answer
 * null for what is not quite that.
 */
export class TickEnvelope {
  readonly #json: JsonCursor;
  readonly #documents: TickDocuments;
  readonly #seen = new Set<string>();
  /** Where the text of the document stands, quotes left out; null as long as none was read. */
  query: { readonly from: number; readonly to: number } | null = null;
  document: TickDocument | null = null;
  #operationName: string | null = null;
  #extensions: Record<string, unknown> = {};
  /** Variables that stand before the document that says what they are. */
  #skipped: { readonly at: number; readonly end: number } | null = null;

  constructor(body: Buffer, documents: TickDocuments) {
    this.#json = new JsonCursor(body, 0);
    this.#documents = documents;
  }

  /** The place of the tick. */
  findTick(): number | null {
    return taken(() => this.#findTick());
  }

  /** The operation, with `tick` as the value of its variable. */
  finish(tick: unknown, end: number): GraphqlParams | null {
    return taken(() => this.#finish(tick, end));
  }

  #findTick(): number {
    const json = this.#json;
    json.expect(openBrace);
    if (this.#readMembers()) return this.#openVariables();
    this.#checkEnd();
    if (this.#skipped === null) throw notTaken;
    json.at = this.#skipped.at;
    return this.#openVariables();
  }

  #finish(tick: unknown, end: number): GraphqlParams {
    const json = this.#json;
    json.at = end;
    json.expect(closeBrace);
    if (this.#skipped === null) {
      if (json.more(closeBrace) && this.#readMembers()) throw notTaken;
      this.#checkEnd();
    } else if (json.at !== this.#skipped.end) throw notTaken;
    const { query, variable, operationName } = this.document as TickDocument;
    if (this.#operationName !== null && this.#operationName !== operationName) throw notTaken;
    return {
      query,
      variables: { [variable.toString()]: tick },
      ...(this.#operationName === null ? {} : { operationName: this.#operationName }),
      extensions: this.#extensions,
    };
  }

  /**
   * Reads members up to the end of the object, which is skipped. Answers true where it stopped
   * before: at the value of `variables`, the document being known.
   */
  #readMembers(): boolean {
    const json = this.#json;
    do {
      json.peek();
      json.plainText();
      const name = json.textValue();
      if (this.#seen.has(name)) throw notTaken;
      this.#seen.add(name);
      json.expect(colon);
      json.peek();
      if (name === 'variables') {
        if (this.document !== null) return true;
        const { at } = json;
        json.skip();
        this.#skipped = { at, end: json.at };
      } else this.#readMember(name);
    } while (json.more(closeBrace));
    return false;
  }

  #readMember(name: string): void {
    const json = this.#json;
    switch (name) {
      case 'query':
        json.text();
        this.query = { from: json.from, to: json.to };
        this.document = this.#documents.find(json.bytes, json.from, json.to);
        if (this.document === null) throw notTaken;
        return;
      case 'operationName':
        if (json.isNull()) return;
        json.plainText();
        this.#operationName = json.textValue();
        return;
      case 'extensions':
        if (json.isNull()) return;
        this.#extensions = this.#object();
        return;
      default:
        throw notTaken;
    }
  }

  #object(): Record<string, unknown> {
    const json = this.#json;
    const { at } = json;
    if (json.peek() !== openBrace) throw notTaken;
    json.skip();
    return parseJson(json.bytes.toString('utf8', at, json.at)) as Record<string, unknown>;
  }

  #openVariables(): number {
    const json = this.#json;
    const { variable } = this.document as TickDocument;
    json.expect(openBrace);
    if (json.peek() !== quote) throw notTaken;
    json.plainText();
    if (variable.compare(json.bytes, json.from, json.to) !== 0) throw notTaken;
    json.expect(colon);
    json.peek();
    return json.at;
  }

  /** There is nothing behind the object. */
  #checkEnd(): void {
    this.#json.peek();
    if (this.#json.at !== this.#json.bytes.length) throw notTaken;
  }
}
