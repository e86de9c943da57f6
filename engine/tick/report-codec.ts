import type { ConflictReport } from '../model/conflict.ts';

/** Conflicts as UTF-8 JSON, kept with a tick for its retries; null for none. */
export function encodeReports(reports: readonly ConflictReport[]): Uint8Array | null {
  if (reports.length === 0) return null;
  const json = JSON.stringify(reports, (_, value: unknown) => {
    if (typeof value === 'bigint') return { $big: String(value) };
    if (value instanceof Uint8Array) return { $bytes: Buffer.from(value).toString('base64') };
    return value;
  });
  return Buffer.from(json, 'utf8');
}

export function decodeReports(bytes: Uint8Array | null): readonly ConflictReport[] {
  if (bytes === null) return [];
  return JSON.parse(Buffer.from(bytes).toString('utf8'), (_, value: unknown) => {
    if (typeof value !== 'object' || value === null) return value;
    if ('$big' in value) return BigInt(String(value.$big));
    return '$bytes' in value ? new Uint8Array(Buffer.from(String(value.$bytes), 'base64')) : value;
  }) as readonly ConflictReport[];
}
