import type { Command } from 'commander';
import { type Lsn, parsePosition } from '../../engine/model/position.ts';
import type { Mends } from '../titles/open-title.ts';
import { UsageError } from './fail.ts';

export interface MendFlags {
  readonly truncateAt?: string | undefined;
  readonly acceptLostRows?: true | undefined;
}

export function addMendOptions(command: Command): Command {
  return command
    .option(
      '--truncate-at <position>',
      'Cut a damaged log before this record, which the refusal to start has named. What follows it is lost.',
    )
    .option(
      '--accept-lost-rows',
      'Serve without rows that the column store has lost and the log no longer holds, or need not fill in again.',
    );
}

/** Throws `UsageError`. */
export function mendsOf({ truncateAt, acceptLostRows }: MendFlags): Mends {
  return {
    truncateAt: truncateAt === undefined ? null : recordOf(truncateAt),
    acceptLostRows: acceptLostRows ?? false,
  };
}

function recordOf(text: string): Lsn {
  try {
    return parsePosition(/^\d+$/.test(text) ? `0:${text}` : text);
  } catch (error) {
    throw new UsageError(`--truncate-at: ${error instanceof Error ? error.message : error}`);
  }
}
