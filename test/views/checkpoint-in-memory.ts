import { decodeArrow, encodeArrow } from '../../engine/vectors/arrow/arrow-file.ts';
import { ColumnMemory } from '../../engine/vectors/column-memory.ts';
import type { StoredViews, ViewsCapture } from '../../engine/views/checkpoint/view-checkpoint.ts';
import type { OwnedViewEngine } from '../../engine/views/open-views.ts';

/** The newest checkpoint of an engine's views, as the bytes of its files. */
export class CheckpointInMemory {
  #capture: ViewsCapture | null = null;
  #files = new Map<string, readonly Uint8Array[]>();
  /** Files that the newest one did not take over from the one before. */
  writtenCount = 0;

  /** What is folded in by `meanwhile` comes too late. */
  take(views: OwnedViewEngine, meanwhile: () => void = () => {}): void {
    const before = this.#capture && {
      lsn: this.#capture.lsn,
      chunkRows: this.#capture.chunkRows,
      rows: new Map(this.#capture.parts.map(({ part, rows }) => [part, rows])),
    };
    const capture = views.checkpoint(before);
    meanwhile();
    this.writtenCount = 0;
    this.#files = new Map(
      capture.parts.map(({ part, chunks }) => [
        part,
        chunks.map((captured, chunk) => {
          if (captured === null) return this.#files.get(part)?.[chunk] ?? new Uint8Array(0);
          this.writtenCount++;
          const bytes = Buffer.concat(encodeArrow(captured(new ColumnMemory(64))));
          return Uint8Array.from(bytes);
        }),
      ]),
    );
    this.#capture = capture;
  }

  stored(): StoredViews {
    if (!this.#capture) throw new Error('no checkpoint was taken');
    return {
      ...this.#capture,
      pieces: (part, columns) =>
        (this.#files.get(part) ?? []).map((bytes) => decodeArrow(bytes, columns)),
    };
  }
}
