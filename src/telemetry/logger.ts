import { type Logger, pino } from 'pino';

export type { Logger } from 'pino';

/**
 * JSON lines on standard error, so that standard output stays free for what a command answers.
 * Written at once: a line before a crash must not be lost.
 */
export function createLogger(level: string): Logger {
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
    destination,
  );
}
