import type { Storage } from '../../engine/disk/storage.ts';
import type { FileLog } from '../../engine/log/file-log.ts';
import { type FileLogOptions, openFileLog } from '../../engine/log/open-file-log.ts';
import { RecordingListener } from './listener.ts';
import { ManualTimers } from './manual-timers.ts';

export const directory = '/data/log';

export interface StartedLog {
  readonly log: FileLog;
  readonly listener: RecordingListener;
  readonly timers: ManualTimers;
}

/** A file log, `strict` unless told otherwise, with time in the test's hands. */
export async function start(
  storage: Storage,
  options: Partial<FileLogOptions> = {},
): Promise<StartedLog> {
  const timers = new ManualTimers();
  const log = await openFileLog({
    storage,
    directory,
    durability: { mode: 'strict' },
    timers,
    ...options,
  });
  return { log, timers, listener: new RecordingListener(log) };
}
