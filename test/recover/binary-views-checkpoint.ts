import { crc32 } from 'node:zlib';
import { writeDurably } from '../../engine/disk/whole-file.ts';
import type { Catalog } from '../../engine/model/catalog.ts';
import type { Lsn } from '../../engine/model/position.ts';
import type {
  CheckpointFile,
  CheckpointManifest,
} from '../../engine/recover/checkpoint-manifest.ts';
import { type CheckpointSource, findCheckpoints } from '../../engine/recover/load-checkpoint.ts';
import { restoreViews } from '../../engine/recover/view-files.ts';
import { LiveState } from '../../engine/state/live-state.ts';
import { TitleState } from '../../engine/state/title-state.ts';
import type { StoredViews } from '../../engine/views/checkpoint/view-checkpoint.ts';
import { createViewEngine } from '../../engine/views/open-views.ts';
import { binaryOfViews } from '../views/binary-views-writer.ts';

/**
 * Writes a checkpoint's views as the one binary that checkpoints had up to format 3. The content
 * of its manifest as it was then; to be written by whoever calls.
 */
export async function withBinaryViews(
  source: CheckpointSource,
  catalog: Catalog,
  lsn: Lsn,
): Promise<Omit<CheckpointManifest, 'format' | 'views'> & { format: 3; views: CheckpointFile }> {
  for await (const found of findCheckpoints(source, lsn, () => {})) {
    let stored: StoredViews | null = null;
    const keep = (views: StoredViews) => {
      stored = views;
      return true;
    };
    restoreViews({ restore: keep, restoreBinary: () => false }, found);
    if (!stored) throw new Error('its views are a binary already');
    const state = new LiveState(new TitleState(catalog));
    const bytes = binaryOfViews(stored, createViewEngine({ catalog, state }));
    const name = `views-${lsn}.bin`;
    await writeDurably(source.storage, `${source.directory}/${name}`, [bytes]);
    const views = { name, bytes: bytes.length, crc: crc32(bytes) };
    return { ...found.manifest, format: 3, views };
  }
  throw new Error(`there is no whole checkpoint of ${lsn}`);
}
