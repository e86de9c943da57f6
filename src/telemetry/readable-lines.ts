import { inspect } from 'node:util';

const levels: Readonly<Record<number, string>> = {
  10: 'TRACE',
  20: 'DEBUG',
  30: 'INFO',
  40: 'WARN',
  50: 'ERROR',
  60: 'FATAL',
};
const errorLevel = 50;

interface LoggedError {
  readonly message?: unknown;
  readonly stack?: unknown;
}

/** A JSON line of the log as people read it on a terminal; stacks with errors alone. */
export function readableLine(json: string): string {
  let entry: Record<string, unknown>;
  try {
    entry = JSON.parse(json) as Record<string, unknown>;
  } catch {
    return json;
  }
  const { level, time, pid: _, msg, error, ...fields } = entry;
  const clock = typeof time === 'string' ? time.slice(11, 23) : '';
  const name = levels[Number(level)] ?? String(level);
  const parts = [clock, name.padEnd(5), printable(msg)];
  for (const [field, value] of Object.entries(fields)) parts.push(`${field}=${shown(value)}`);
  const { message, stack } = (error ?? {}) as LoggedError;
  if (error !== undefined) parts.push(`error=${shown(message ?? error)}`);
  const trace =
    typeof stack === 'string' && Number(level) >= errorLevel ? `\n${printable(stack)}` : '';
  return `${parts.filter((part) => part !== '').join(' ')}${trace}\n`;
}

/** On one line, whatever it holds. */
function shown(value: unknown): string {
  if (typeof value === 'string') {
    return /^[\w./:@-]+$/.test(value) ? value : JSON.stringify(printable(value));
  }
  return printable(inspect(value, { breakLength: Number.POSITIVE_INFINITY, depth: 4 }));
}

/** Names that clients chose must not steer the terminal; line breaks of a stack may stay. */
function printable(value: unknown): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what a terminal obeys
  return String(value ?? '').replace(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/g, '\ufffd');
}
