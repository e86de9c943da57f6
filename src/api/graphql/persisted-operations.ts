import { readFile } from 'node:fs/promises';
import { type DocumentNode, type GraphQLSchema, validate } from 'graphql';
import { EngineError } from '../../../engine/model/errors.ts';
import type { Principal } from '../../../resolvers/context.ts';
import type { OperationMode } from '../../config/operation-modes.ts';
import { DocumentCache } from './document-cache.ts';
import type { AskedOperation, GraphqlParams } from './graphql-params.ts';
import type { OperationContext } from './operation-context.ts';
import { operationId, parseOperationList } from './operation-list.ts';
import { parseWithinBounds } from './parse-document.ts';

export interface PersistedOperationsOptions {
  readonly title: string;
  readonly schema: GraphQLSchema;
  /** Null: the title has no list. */
  readonly file: string | null;
  readonly modeOf: (role: string | null) => OperationMode;
}

/** What a list holds, told to whoever had it read. */
export interface OperationListReport {
  readonly title: string;
  readonly file: string;
  readonly operations: number;
  /** Each with file, line and what is wrong with it; asked for, it answers that. */
  readonly invalid: readonly string[];
}

interface Listed {
  readonly text: string;
  /** Null for one that is not valid: it is parsed and validated as any text, and answers why not. */
  readonly document: DocumentNode | null;
}

/** An operation whose text is known; `document` is there where it needs neither parsing nor validation. */
export interface ResolvedOperation {
  readonly params: GraphqlParams;
  readonly document: DocumentNode | null;
}

/**
 * The operations of a title that clients name by their SHA-256. Those of its list were parsed and
 * validated when it was read. Roles that may send any document can have the server remember more
 * (automatic persisted queries); these are open to such roles alone, and the oldest give way.
 */
export class PersistedOperations {
  readonly #options: PersistedOperationsOptions;
  #listed: ReadonlyMap<string, Listed> = new Map();
  readonly #remembered = new DocumentCache<string>();

  constructor(options: PersistedOperationsOptions) {
    this.#options = options;
  }

  /**
   * Reads the list anew; the one before holds until then, and where this fails. Null where there is
   * none. Rejects with `BAD_USER_INPUT` and `LIMIT_EXCEEDED`.
   */
  async load(): Promise<OperationListReport | null> {
    const { file, schema, title } = this.#options;
    if (file === null) return null;
    const text = await readFile(file, 'utf8').catch((cause: Error) => {
      throw new EngineError(
        'BAD_USER_INPUT',
        `the operations ${file} cannot be read: ${cause.message}`,
      );
    });
    const listed = new Map<string, Listed>();
    const invalid: string[] = [];
    for (const { id, document, line } of parseOperationList(text, file)) {
      const problem = (message: string) => void invalid.push(`${file}:${line}: ${message}`);
      listed.set(id, { text: document, document: valid(schema, document, problem) });
    }
    this.#listed = listed;
    return { title, file, operations: listed.size, invalid };
  }

  /**
   * The operation that a client asks for. Throws `FORBIDDEN` for what the role may not send,
   * `PERSISTED_QUERY_NOT_FOUND` for what is not known and may be sent whole, and `BAD_USER_INPUT`.
   */
  resolve(asked: AskedOperation, { role }: Pick<Principal, 'role'>): ResolvedOperation {
    const { id, query, ...rest } = asked;
    const mode = this.#options.modeOf(role?.name ?? null);
    if (query !== null && id !== null && operationId(query) !== id) {
      throw new EngineError('BAD_USER_INPUT', 'the SHA-256 that is sent is not that of "query"', {
        details: { path: 'extensions.persistedQuery.sha256Hash' },
      });
    }
    const isSought = id !== null || mode === 'persisted-only';
    const known = isSought ? this.#listed.get(id ?? operationId(query ?? '')) : undefined;
    if (known !== undefined) {
      return { params: { ...rest, query: known.text }, document: known.document };
    }
    if (mode === 'persisted-only') throw this.#notListed(role?.name ?? '');
    if (query === null) {
      const text = this.#remembered.get(id ?? '');
      if (text !== undefined) return { params: { ...rest, query: text }, document: null };
      // Clients of Apollo and urql know it by this very message, and send the document then.
      throw new EngineError('PERSISTED_QUERY_NOT_FOUND', 'PersistedQueryNotFound', {
        details: { id: (id ?? '').slice(0, 64) },
      });
    }
    if (id !== null) this.#remembered.set(id, query);
    return { params: { ...rest, query }, document: null };
  }

  #notListed(role: string): EngineError {
    const { title, file } = this.#options;
    const mend =
      file === null
        ? 'it has none: its operator sets --persisted-operations'
        : 'add it to the list (tickloom generate sdk --operations), and have that read anew (tickloom operations reload)';
    return new EngineError(
      'FORBIDDEN',
      `the role "${role}" runs the operations of the list of "${title}" alone, and this one is not on it; ${mend}`,
      { details: { needs: 'persisted-operation' } },
    );
  }
}

/** The operation that is asked for; that its role may not send it is recorded. Throws as `resolve`. */
export function resolvedOperation(
  operations: PersistedOperations,
  asked: AskedOperation,
  { principal, audit, ticket }: Pick<OperationContext, 'principal' | 'audit' | 'ticket'>,
): ResolvedOperation {
  try {
    return operations.resolve(asked, principal);
  } catch (error) {
    audit.operationRefused(error, principal, ticket.trace.requestId);
    throw error;
  }
}

/** The parsed document of a listed operation; null, and a word to `problem`, where it is not valid. */
function valid(
  schema: GraphQLSchema,
  text: string,
  problem: (message: string) => void,
): DocumentNode | null {
  try {
    const document = parseWithinBounds(text);
    const [error] = validate(schema, document);
    if (error === undefined) return document;
    const [place] = error.locations ?? [];
    problem(`${error.message}${place ? ` (line ${place.line} of the operation)` : ''}`);
  } catch (error) {
    problem((error as Error).message);
  }
  return null;
}
