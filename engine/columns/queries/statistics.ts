import type { QueryStatistics } from '../column-store.ts';

/** The statistics in `X-ClickHouse-Summary`; complete when the answer was held back to its end. */
export function readStatistics(
  queryId: string,
  headers: Readonly<Record<string, string | string[] | undefined>> | undefined,
  elapsedMs: number,
): QueryStatistics {
  const text = headers?.['x-clickhouse-summary'];
  const summary: Record<string, string> = typeof text === 'string' ? JSON.parse(text) : {};
  return {
    queryId,
    elapsedMs,
    rowsRead: Number(summary.read_rows ?? 0),
    bytesRead: Number(summary.read_bytes ?? 0),
    memoryPeakBytes: summary.memory_usage === undefined ? null : Number(summary.memory_usage),
  };
}
