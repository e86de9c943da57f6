import type { DocumentNode } from 'graphql';
import { limits } from '../../../engine/model/limits.ts';
import { tickVariableOf } from '../../../schema/tick-variable.ts';
import { servingLimits } from '../../serving-limits.ts';

/** A document that commits a tick, all of whose input is in one variable. */
export interface TickDocument {
  readonly query: string;
  readonly variable: Buffer;
  readonly operationName: string | null;
  readonly parsed: DocumentNode;
  /** The text of the document as it stands in JSON, without the quotes. */
  readonly raw: Buffer;
}

/**
 * The documents by which ticks come, by their bytes in a body: clients have one, so its text is
 * neither decoded nor hashed again. The most recently used are kept.
 */
export class TickDocuments {
  readonly #documents: TickDocument[] = [];

  find(body: Buffer, from: number, to: number): TickDocument | null {
    const documents = this.#documents;
    for (let i = 0; i < documents.length; i++) {
      const document = documents[i] as TickDocument;
      const { raw } = document;
      if (raw.length !== to - from || raw.compare(body, from, to) !== 0) continue;
      if (i > 0) {
        documents.splice(i, 1);
        documents.unshift(document);
      }
      return document;
    }
    return null;
  }

  /** Remembers a valid document by its bytes, if it commits a tick and nothing else. */
  learn(raw: Buffer, query: string, parsed: DocumentNode): void {
    const variable = tickVariableOf(parsed);
    if (variable === null || raw.length > servingLimits.graphqlDocumentCachedCharsMax) return;
    // A body that names two documents ran the last of them.
    if (JSON.parse(`"${raw.toString()}"`) !== query) return;
    if (this.find(raw, 0, raw.length) !== null) return;
    this.#documents.unshift({
      query,
      variable: Buffer.from(variable.name),
      operationName: variable.operationName,
      parsed,
      raw: Buffer.from(raw),
    });
    if (this.#documents.length > limits.tickDocumentsMax) this.#documents.pop();
  }
}
