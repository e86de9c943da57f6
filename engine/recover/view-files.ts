import type { Lsn } from '../model/position.ts';
import { decodeArrow, encodeArrow } from '../vectors/arrow/arrow-file.ts';
import type { ColumnMemory } from '../vectors/column-memory.ts';
import type { HeldViews, ViewsCapture } from '../views/checkpoint/view-checkpoint.ts';
import type { OwnedViewEngine } from '../views/open-views.ts';
import type { CheckpointFile, CheckpointManifest, ViewFiles } from './checkpoint-manifest.ts';
import { bytesOf, type FoundCheckpoint } from './load-checkpoint.ts';

/** What need not be written again, since a checkpoint holds it. */
export function heldViews(checkpoint: CheckpointManifest | null): HeldViews | null {
  if (checkpoint === null) return null;
  const { chunkRows, parts } = checkpoint.views;
  const rows = new Map(parts.map((part) => [part.part, part.rows]));
  return { lsn: checkpoint.lsn, chunkRows, rows };
}

/** The files that a capture needs written: an Arrow stream a chunk. */
export function viewPieces({ lsn, parts }: ViewsCapture) {
  return parts.flatMap(({ part, chunks }) =>
    chunks.flatMap((captured, chunk) => {
      if (captured === null) return [];
      const content = (memory: ColumnMemory) => encodeArrow(captured(memory));
      return [{ name: chunkName(part, chunk, lsn), content }];
    }),
  );
}

/** The files of a capture, written ones and those that the checkpoint `before` has. */
export function viewFilesOf(
  capture: ViewsCapture,
  written: (name: string) => CheckpointFile,
  before: CheckpointManifest | null,
): ViewFiles {
  const { lsn, definitions, stamps, rowStamps, chunkRows } = capture;
  const known = before?.views.parts ?? [];
  const parts = capture.parts.map(({ part, rows, chunks }) => {
    const files = known.find((candidate) => candidate.part === part)?.chunks;
    return {
      part,
      rows,
      chunks: chunks.map((captured, chunk) => {
        const file = captured === null ? files?.[chunk] : written(chunkName(part, chunk, lsn));
        if (!file) throw new RangeError(`the checkpoint before lacks a chunk of ${part}`);
        return file;
      }),
    };
  });
  return { definitions, stamps, rowStamps, chunkRows, parts };
}

/** False, and nothing is loaded, when the checkpoint's views are defined otherwise. */
export function restoreViews(
  views: Pick<OwnedViewEngine, 'restore'>,
  found: FoundCheckpoint,
): boolean {
  const { lsn, views: stored } = found.manifest;
  const { definitions, stamps, rowStamps } = stored;
  const chunks = new Map(stored.parts.map((part) => [part.part, part.chunks]));
  return views.restore({
    lsn,
    definitions,
    stamps,
    rowStamps,
    pieces: (part, columns) =>
      (chunks.get(part) ?? []).map((file) => decodeArrow(bytesOf(found, file), columns)),
  });
}

function chunkName(part: string, chunk: number, lsn: Lsn): string {
  return `${part}-${chunk}-${lsn}.arrow`;
}
