/** No message that echoes less is touched. */
const wholeMax = 300;
const echoedMax = 100;
const partsMax = { start: 700, end: 300 } as const;

/**
 * A message as a client is told it: of a quoted text, or a run of characters without a space, no
 * more than the first hundred or so, and of the whole no more than its start and its end. The
 * messages of graphql-js echo a bad value as it came, megabytes of it.
 */
export function shortMessage(message: string): string {
  if (message.length <= wholeMax) return message;
  let short = '';
  let at = 0;
  while (at < message.length) {
    const end = message[at] === '"' ? endOfQuoted(message, at) : endOfRun(message, at);
    short += cut(message, at, end);
    at = end;
  }
  const { start, end } = partsMax;
  if (short.length <= start + end) return short;
  return `${short.slice(0, start)}… …${short.slice(-end)}`;
}

function cut(message: string, from: number, to: number): string {
  if (to - from <= echoedMax + 2) return message.slice(from, to);
  const quote = message[from] === '"' ? '"' : '';
  return `${message.slice(from, from + echoedMax)}…${quote}`;
}

/** The place behind the quote that ends a text; a backslash takes the next character with it. */
function endOfQuoted(message: string, start: number): number {
  for (let at = start + 1; at < message.length; at++) {
    if (message[at] === '\\') at++;
    else if (message[at] === '"') return at + 1;
  }
  return message.length;
}

/** The place behind the next space, or before the next quote. */
function endOfRun(message: string, start: number): number {
  for (let at = start; at < message.length; at++) {
    if (message[at] === ' ') return at + 1;
    if (message[at] === '"') return at;
  }
  return message.length;
}
