import type { QueryStatistics } from '../column-queries.ts';

/**
 * What a query cost. Rows and bytes come with the JSON answer, since chDB's own count is of the
 * result; memory comes in `X-ClickHouse-Summary`, complete as the answer was held back to its end.
 */
export function readStatistics(
  queryId: string,
  headers: Readonly<Record<string, string | string[] | undefined>> | undefined,
  body: { readonly rows_read: number; readonly bytes_read: number } | undefined,
  elapsedMs: number,
): QueryStatistics {
  const text = headers?.['x-clickhouse-summary'];
  const summary: Record<string, string> = typeof text === 'string' ? JSON.parse(text) : {};
  return {
    queryId,
    elapsedMs,
    rowsRead: body?.rows_read ?? Number(summary.read_rows ?? 0),
    bytesRead: body?.bytes_read ?? Number(summary.read_bytes ?? 0),
    memoryPeakBytes: summary.memory_usage === undefined ? null : Number(summary.memory_usage),
  };
}
