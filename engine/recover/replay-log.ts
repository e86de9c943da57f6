import type { LogRecord } from '../log/commit-log.ts';
import { openFileLog } from '../log/open-file-log.ts';
import { Catalog } from '../manifest/catalog.ts';
import type { TitleManifest } from '../manifest/types.ts';
import { TitleState } from '../state/title-state.ts';
import { Projection } from '../tick/projection.ts';

export interface ReplayOptions {
  /** The title's log: `<data>/titles/<title>/log`. No server may hold it. */
  readonly directory: string;
  readonly manifest: TitleManifest;
  /** Told after every record. */
  readonly onProgress?: (lsn: number) => void;
}

/** Reads a whole log into an empty projection, record by record, as `onRecord` folds it. */
export async function replayLog(
  options: ReplayOptions,
  onRecord: (projection: Projection, record: LogRecord) => void,
): Promise<Projection> {
  const projection = new Projection(new TitleState(new Catalog(options.manifest)));
  const log = await openFileLog({
    directory: options.directory,
    durability: { mode: 'strict' },
    onRecord: (record) => {
      onRecord(projection, record);
      options.onProgress?.(record.lsn);
    },
  });
  await log.close();
  return projection;
}
