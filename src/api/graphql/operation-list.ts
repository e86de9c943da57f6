import { hash } from 'node:crypto';
import { EngineError } from '../../../engine/model/errors.ts';
import { servingLimits } from '../../serving-limits.ts';

/** One operation of a list, as it stands in its file. */
export interface ListedOperation {
  /** The SHA-256 of the document, in hexadecimal. */
  readonly id: string;
  readonly document: string;
  /** Where in the file, for people. */
  readonly line: number;
}

export function operationId(document: string): string {
  return hash('sha256', document, 'hex');
}

/**
 * The operations of a file: an object of documents by id, as Relay's compiler and GraphQL Code
 * Generator write it, or a manifest of Apollo's (`operations` with `id` and `body`). Throws
 * `BAD_USER_INPUT` and `LIMIT_EXCEEDED`, naming file and line.
 */
export function parseOperationList(text: string, file: string): ListedOperation[] {
  const lineOf = lineFinder(text);
  const entries = entriesOf(text, file);
  const max = servingLimits.persistedOperationsMax;
  if (entries.length > max) {
    throw new EngineError('LIMIT_EXCEEDED', `${file} has more than ${max} operations`, {
      details: { limit: 'persistedOperationsMax', max },
    });
  }
  return entries.map(([id, document]) => {
    const line = lineOf(id);
    if (typeof document !== 'string' || document === '') {
      throw refused(`${file}:${line}: the operation "${id}" has no text`);
    }
    const own = operationId(document);
    if (id.replace(/^sha256:/, '').toLowerCase() !== own) {
      throw refused(
        `${file}:${line}: "${id.slice(0, 80)}" is not the SHA-256 of its document, which is ${own}; have the tool that wrote it take SHA-256, in hexadecimal, of the very text`,
      );
    }
    return { id: own, document, line };
  });
}

function entriesOf(text: string, file: string): [string, unknown][] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (cause) {
    throw refused(`${file} is not JSON: ${(cause as Error).message}`, cause);
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw refused(`${file} must be an object of documents by the SHA-256 of each`);
  }
  const { operations } = parsed as { readonly operations?: unknown };
  if (!Array.isArray(operations)) return Object.entries(parsed);
  return operations.map((one: unknown): [string, unknown] => {
    const { id, body } = (one ?? {}) as { readonly id?: unknown; readonly body?: unknown };
    return [String(id), body];
  });
}

/** The line that a text in quotes stands on first. */
function lineFinder(text: string): (quoted: string) => number {
  let at = 0;
  let line = 1;
  return (quoted) => {
    const found = text.indexOf(JSON.stringify(quoted), at);
    // What is written in another way than JSON would be has the line of the one before it.
    if (found < 0) return line;
    for (let i = text.indexOf('\n', at); i >= 0 && i < found; i = text.indexOf('\n', i + 1)) line++;
    at = found;
    return line;
  };
}

function refused(message: string, cause?: unknown): EngineError {
  return new EngineError('BAD_USER_INPUT', message, { cause });
}
