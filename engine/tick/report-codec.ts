import type { ConflictReport } from '../model/conflict.ts';
import type { RepeatReport } from './answered-once.ts';

/** What is told of a tick's actions one by one; the others were accepted. */
export interface TickReports {
  readonly conflicts: readonly ConflictReport[];
  readonly repeats: readonly RepeatReport[];
}

const nothing: TickReports = { conflicts: [], repeats: [] };

/** Reports as UTF-8 JSON, kept with a tick for its retries; null for none. */
export function encodeReports({ conflicts, repeats }: TickReports): Uint8Array | null {
  if (conflicts.length === 0 && repeats.length === 0) return null;
  const json = JSON.stringify({ conflicts, repeats }, (_, value: unknown) => {
    if (typeof value === 'bigint') return { $big: String(value) };
    if (value instanceof Uint8Array) return { $bytes: Buffer.from(value).toString('base64') };
    return value;
  });
  return Buffer.from(json, 'utf8');
}

export function decodeReports(bytes: Uint8Array | null): TickReports {
  if (bytes === null) return nothing;
  return JSON.parse(Buffer.from(bytes).toString('utf8'), (_, value: unknown) => {
    if (typeof value !== 'object' || value === null) return value;
    if ('$big' in value) return BigInt(String(value.$big));
    return '$bytes' in value ? new Uint8Array(Buffer.from(String(value.$bytes), 'base64')) : value;
  }) as TickReports;
}
