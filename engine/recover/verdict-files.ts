import type { Lsn } from '../model/position.ts';
import type { FirstVerdicts } from '../state/first-verdicts.ts';
import { encodeArrow } from '../vectors/arrow/arrow-file.ts';
import type { CheckpointFile, VerdictFiles } from './checkpoint-manifest.ts';

/** The first verdicts as of one position, read block by block while ticks go on. */
export interface VerdictsCapture {
  readonly lsn: Lsn;
  readonly first: number;
  readonly blocks: ReturnType<FirstVerdicts['blocks']>;
}

export function captureVerdicts(verdicts: FirstVerdicts, lsn: Lsn): VerdictsCapture {
  return { lsn, first: verdicts.first, blocks: verdicts.blocks() };
}

/** The files that a capture needs written: those of blocks that `before` lacks, or has not whole. */
export function verdictPieces({ lsn, blocks }: VerdictsCapture, before: VerdictFiles | null) {
  return blocks
    .filter(({ number, entries }) => heldFile(before, number, entries) === null)
    .map(({ number, entries, block }) => ({
      name: nameOf(number, lsn),
      content: () => encodeArrow(block.batch(entries)),
    }));
}

/** The files of a capture, written ones and those that the checkpoint `before` has. */
export function verdictFilesOf(
  { lsn, first, blocks }: VerdictsCapture,
  written: (name: string) => CheckpointFile,
  before: VerdictFiles | null,
): VerdictFiles {
  return {
    first,
    blocks: blocks.map(({ number, entries }) => {
      const file = heldFile(before, number, entries) ?? written(nameOf(number, lsn));
      return { number, entries, file };
    }),
  };
}

function heldFile(
  before: VerdictFiles | null,
  number: number,
  entries: number,
): CheckpointFile | null {
  const held = before?.blocks.find((block) => block.number === number);
  return held?.entries === entries ? held.file : null;
}

function nameOf(number: number, lsn: Lsn): string {
  return `verdicts-${number}-${lsn}.arrow`;
}
