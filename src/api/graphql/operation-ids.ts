interface Named {
  readonly clientId: string;
  /** How messages about the operation begin, here and at the client. */
  readonly innerHead: string;
  readonly clientHead: string;
  /** How a result of the operation begins at the client, in UTF-8, up to the result's own text. */
  readonly resultHead: Buffer;
}

/**
 * The ids of the operations of one WebSocket. A client may use an id again as soon as it has
 * completed the operation that had it, while that one is still ending; so each operation gets an id
 * of its own here, `<number>:<the client's id>`, and nothing that an ended one still says reaches
 * the client under an id that is another's by now.
 */
export class OperationIds {
  #last = 0;
  /** Inner ids by the client's: of operations that it has not completed and that have not ended. */
  readonly #inner = new Map<string, string>();
  /** The names of each operation by its inner id. */
  readonly #named = new Map<string, Named>();

  /** The id of a new operation; null where the client uses its id already. */
  begin(clientId: string): string | null {
    if (this.#inner.has(clientId)) return null;
    const inner = `${++this.#last}:${clientId}`;
    this.#inner.set(clientId, inner);
    this.#named.set(inner, {
      clientId,
      innerHead: headOf(inner),
      clientHead: headOf(clientId),
      resultHead: Buffer.from(`${headOf(clientId)}next","payload":`),
    });
    return inner;
  }

  /** The client has completed an operation: the id it has here, null for none. */
  complete(clientId: string): string | null {
    const inner = this.#inner.get(clientId);
    if (inner === undefined) return null;
    this.#end(inner, clientId);
    return inner;
  }

  /** A message of the protocol as the client is to get it; null: it is about nothing that runs. */
  outgoing(message: string): string | null {
    if (!message.startsWith(idHead)) return message;
    const inner = idOf(message);
    const named = this.#named.get(inner);
    if (named === undefined) return null;
    const rest = message.slice(named.innerHead.length);
    // `complete` and `error` are the last that is said of an operation.
    if (rest.startsWith('complete"') || rest.startsWith('error"')) this.#end(inner, named.clientId);
    return named.clientHead + rest;
  }

  /** How a message with a result of an operation begins, up to the result; null: of none that runs. */
  resultHead(inner: string): Buffer | null {
    return this.#named.get(inner)?.resultHead ?? null;
  }

  #end(inner: string, clientId: string): void {
    this.#inner.delete(clientId);
    this.#named.delete(inner);
  }
}

/** How a WebSocket is closed that begins an operation under the id of one that runs. */
export const idInUse = 'Subscriber for this id already exists';

/**
 * A message of a client with the id that its operation has here, parsed; as it came where it is not
 * JSON, for the protocol to refuse. What completes an operation that there is not keeps its id.
 */
export function incoming(ids: OperationIds, text: string): unknown {
  let message: unknown;
  try {
    message = JSON.parse(text);
  } catch {
    return text;
  }
  const { type, id } = (message ?? {}) as { readonly type?: unknown; readonly id?: unknown };
  if (typeof id !== 'string' || id === '') return message;
  if (type === 'subscribe') {
    const inner = ids.begin(id);
    return inner === null ? idInUse : { ...(message as object), id: inner };
  }
  if (type !== 'complete') return message;
  return { ...(message as object), id: ids.complete(id) ?? id };
}

/** How such a message ends, behind the result. */
export const resultTail = Buffer.from('}');

const idHead = '{"id":';

function headOf(id: string): string {
  return `${idHead}${JSON.stringify(id)},"type":"`;
}

/** The text behind `{"id":`, up to the quote that ends it. */
function idOf(message: string): string {
  let at = idHead.length + 1;
  while (message[at] !== '"') at += message[at] === '\\' ? 2 : 1;
  return JSON.parse(message.slice(idHead.length, at + 1)) as string;
}
