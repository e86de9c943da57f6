import { basename } from 'node:path';
import type { LogEnd } from './examine-segments.ts';

/** The rest of a write that a crash cut short, behind the last record of the log. */
export interface TornTail {
  /** The file's name. */
  readonly segment: string;
  /** Where the last record ends. */
  readonly offset: number;
  /** Up to the last byte that is not zero: room that was set aside for records is no tail. */
  readonly bytes: number;
}

export function tornTailOf(end: LogEnd): TornTail | null {
  if (end.kind !== 'whole' || isSealed(end) || end.remainingBytes === 0) return null;
  const { segment, remainingBytes } = end;
  return { segment: basename(segment.path), offset: segment.end, bytes: remainingBytes };
}

/** Whether the log was closed in order. */
export function isSealed(end: LogEnd): boolean {
  return end.kind === 'whole' && end.scan.stop === 'sealed';
}
