import { formatPosition, parsePosition } from '../../engine/model/position.ts';
import type { ExportSpec, ExportState } from '../../resolvers/context.ts';

/** One export as kept: what to read, whose it is, and what became of it. */
export interface StoredExport {
  readonly id: string;
  readonly subject: string;
  readonly expiresAtMs: number;
  readonly spec: ExportSpec;
  readonly state: Exclude<ExportState, 'EXPIRED' | 'STREAMING'>;
  /** The size of the whole answer; null until it was read to its end once. */
  readonly bytes: number | null;
}

/**
 * JSON has neither wide integers nor bytes, and conditions hold both: `{ "$bigint": "…" }` and
 * `{ "$bytes": "<base64>" }`. A value of a condition is never an object, so these are unmistakable.
 */
export function encodeExport(stored: StoredExport): string {
  return JSON.stringify({
    format: 1,
    ...stored,
    spec: {
      ...toJson(stored.spec),
      sinceLsn: stored.spec.sinceLsn === null ? null : formatPosition(stored.spec.sinceLsn),
      asOfLsn: formatPosition(stored.spec.asOfLsn),
    },
  });
}

/** Throws for a text that `encodeExport` did not write. */
export function decodeExport(text: string): StoredExport {
  const { format, ...stored } = fromJson(JSON.parse(text)) as StoredExport & { format: unknown };
  if (format !== 1) throw new RangeError(`an export file of format ${String(format)}`);
  const { sinceLsn, asOfLsn } = stored.spec as unknown as {
    readonly sinceLsn: string | null;
    readonly asOfLsn: string;
  };
  return {
    ...stored,
    spec: {
      ...stored.spec,
      sinceLsn: sinceLsn === null ? null : parsePosition(sinceLsn),
      asOfLsn: parsePosition(asOfLsn),
    },
  };
}

function toJson<T>(value: T): T;
function toJson(value: unknown): unknown {
  if (typeof value === 'bigint') return { $bigint: String(value) };
  if (value instanceof Uint8Array) return { $bytes: Buffer.from(value).toString('base64') };
  if (Array.isArray(value)) return value.map((part) => toJson(part));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, toJson(part)]));
}

function fromJson(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(fromJson);
  if (typeof value !== 'object' || value === null) return value;
  const { $bigint, $bytes } = value as { readonly $bigint?: unknown; readonly $bytes?: unknown };
  if (typeof $bigint === 'string') return BigInt($bigint);
  if (typeof $bytes === 'string') return new Uint8Array(Buffer.from($bytes, 'base64'));
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, fromJson(part)]));
}
