import { ClickHouseError } from '@clickhouse/client';
import { EngineError } from '../model/errors.ts';
import { limits } from '../model/limits.ts';

/** Whose SQL failed: a user's own text, whose faults are told to them, or this room's. */
export type SqlAuthor = 'user' | 'engine';

/**
 * ClickHouse's error as an engine error; what it cannot explain comes back as it was (a bug).
 * Connection trouble is `UNAVAILABLE`.
 */
export function translateError(error: unknown, author: SqlAuthor): unknown {
  if (error instanceof EngineError) return error;
  if (error instanceof ClickHouseError) return translateCode(error, author);
  if (isConnectionTrouble(error)) {
    return new EngineError('UNAVAILABLE', 'the column store is not reachable', {
      retryAfterMs: 500,
      cause: error,
    });
  }
  return error;
}

/** An answer that is read as a whole has a bound; what needs more is an export. */
export function answerTooLarge(cause?: unknown): EngineError {
  return new EngineError(
    'LIMIT_EXCEEDED',
    `the answer is larger than ${limits.columnsAnswerBytesMax} bytes: ask for fewer rows or columns, or order an export`,
    { details: { limit: 'columnsAnswerBytesMax', max: limits.columnsAnswerBytesMax }, cause },
  );
}

function translateCode(error: ClickHouseError, author: SqlAuthor): unknown {
  const options = { cause: error };
  switch (Number(error.code)) {
    case 159: // TIMEOUT_EXCEEDED
    case 160: // TOO_SLOW
      return new EngineError('QUERY_TIMEOUT', 'the query took longer than its class allows', {
        ...options,
        retryAfterMs: 1_000,
      });
    case 241: // MEMORY_LIMIT_EXCEEDED
    case 173: // CANNOT_ALLOCATE_MEMORY
      return new EngineError('QUERY_MEMORY', 'the query needs more memory than its class allows', {
        ...options,
        retryAfterMs: 1_000,
      });
    case 394: // QUERY_WAS_CANCELLED
    case 734: // QUERY_WAS_CANCELLED_BY_CLIENT
      return new EngineError('QUERY_KILLED', 'the query was killed', options);
    case 396: // TOO_MANY_ROWS_OR_BYTES: what the embedded host says of an answer
      return answerTooLarge(error);
    case 158: // TOO_MANY_ROWS
    case 307: // TOO_MANY_BYTES
      return new EngineError(
        'LIMIT_EXCEEDED',
        'the query reads more rows than its class allows; narrow it by session or tick',
        options,
      );
    case 202: // TOO_MANY_SIMULTANEOUS_QUERIES
      return new EngineError('OVERLOADED', 'too many queries run at the same time', {
        ...options,
        retryAfterMs: 500,
      });
    case 516: // AUTHENTICATION_FAILED
    case 192: // UNKNOWN_USER
    case 193: // WRONG_PASSWORD
      return new EngineError('UNAVAILABLE', 'the column store refused the credentials', options);
    case 243: // NOT_ENOUGH_SPACE
    case 252: // TOO_MANY_PARTS
      return new EngineError('UNAVAILABLE', 'the column store cannot take more rows now', {
        ...options,
        retryAfterMs: 1_000,
      });
    case 164: // READONLY
    case 497: // ACCESS_DENIED
      if (author === 'engine') return error;
      return new EngineError(
        'BAD_USER_INPUT',
        'SQL may only read the tables of its title',
        options,
      );
    default:
      if (author === 'engine' || ownFaults.has(Number(error.code)) || isOfAPart(error.message)) {
        return error;
      }
      return new EngineError('BAD_USER_INPUT', cleanMessage(error.message), options);
  }
}

/**
 * Errors that no query text should be able to cause: the store's own, damaged parts among them. They
 * are INTERNAL, and the log has ClickHouse's words, with the part and its path.
 */
const ownFaults = new Set([
  40, // CHECKSUM_DOESNT_MATCH
  49, // LOGICAL_ERROR
  74, // CANNOT_READ_FROM_FILE_DESCRIPTOR
  75, // CANNOT_WRITE_TO_FILE_DESCRIPTOR
  76, // CANNOT_OPEN_FILE
  107, // FILE_DOESNT_EXIST
  131, // TOO_LARGE_SIZE_COMPRESSED
  226, // NO_FILE_IN_DATA_PART
  228, // BAD_SIZE_OF_FILE_IN_DATA_PART
  232, // NO_SUCH_DATA_PART
  233, // BAD_DATA_PART_NAME
  246, // CORRUPTED_DATA
  271, // CANNOT_DECOMPRESS
  1000, // POCO_EXCEPTION
  1001, // STD_EXCEPTION
  1002, // UNKNOWN_EXCEPTION
]);

/** ClickHouse names the part where reading it failed, whatever the code says of what it found there. */
function isOfAPart(message: string): boolean {
  return /\bwhile (?:reading|loading)\b[^\n]*\bpart\b|\bdata part\b|\.bin\b/i.test(message);
}

/** What a user may see of ClickHouse's words: no database names, versions, stacks or hints of code. */
export function cleanMessage(message: string): string {
  const text = message
    .replace(/^(?:Code: \d+\. )?(?:DB::Exception: )?/, '')
    .replace(/\(version [^)]*\)/g, '')
    .replace(/Stack trace:[\s\S]*$/, '')
    .replace(/\btickloom_\w+\./g, '')
    .replace(/\s+in database \S+/g, '')
    // A step of ClickHouse's plan, cut by its length: its names are hashes of texts that name databases.
    .replace(/:?\s*while executing\b[\s\S]*$/i, '')
    .replace(/__set_\d+_\d+/g, 'a subquery')
    // A table of that name, wherever it is.
    .replace(/\.? Maybe you meant (?!:)[^?]*\?/g, '')
    .replace(/\s*\([A-Z_]{4,}\)\s*$/g, '')
    .replace(/\/[\w./-]{3,}/g, '…')
    .trim();
  return `SQL: ${text.length > 400 ? `${text.slice(0, 400)}…` : text}`;
}

const connectionCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOENT',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EHOSTUNREACH',
  'EAI_AGAIN',
  'ERR_STREAM_PREMATURE_CLOSE',
]);

function isConnectionTrouble(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { code } = error as NodeJS.ErrnoException;
  if (code !== undefined && connectionCodes.has(code)) return true;
  return /socket hang up|Timeout error|aborted/i.test(error.message);
}
