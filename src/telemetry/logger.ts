import { type Logger, pino } from 'pino';
import { readableLine } from './readable-lines.ts';

export type { Logger } from 'pino';

/**
 * JSON lines on standard error, or readable ones where that is a terminal; standard output stays free
 * for what a command answers. Written at once: a line before a crash must not be lost.
 */
export function createLogger(level: string, isTerminal = process.stderr.isTTY === true): Logger {
  const destination = pino.destination({ dest: 2, sync: true });
  // A line that finds no room is lost; whoever wrote it goes on.
  destination.on('error', () => {});
  return pino(
    {
      level,
      base: { pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      serializers: { error: pino.stdSerializers.errWithCause },
    },
    isTerminal
      ? { write: (line: string) => void destination.write(readableLine(line)) }
      : destination,
  );
}
