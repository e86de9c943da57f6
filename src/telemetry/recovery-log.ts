import type { LogReport } from '../../engine/index.ts';
import { formatPosition } from '../../engine/model/position.ts';
import type { Logger } from './logger.ts';

/** What opening the log found: the rest of a write that was cut off its end is a warning of its own. */
export function logRecovery(logger: Logger, report: LogReport): void {
  const { torn, lastLsn } = report;
  if (torn !== null) {
    logger.warn(
      { ...torn, position: formatPosition(lastLsn) },
      'the rest of an unfinished write was cut off the end of the log',
    );
  }
  logger.info({ report }, 'the log is recovered');
}
