import type { LoadConfig, LoadResult } from '../load/load-config.ts';
import { type LoadProcess, runLoads } from './load-process.ts';
import { rounded } from './report.ts';
import { type Quantiles, quantilesOf } from './samples.ts';
import type { ServerProcess } from './server-process.ts';

export interface MeasuredLoad {
  readonly result: LoadResult;
  readonly rowsPerSecond: number;
  readonly commitMs: Quantiles;
  readonly lateMs: Quantiles | null;
  /** Processor time of each process during the run, warm-up included. */
  readonly cpuSeconds: {
    readonly client: number;
    readonly server: number;
    readonly columns: number;
  };
  /** The highest seen during the run, of the server alone and of the column store's host. */
  readonly megabytesMax: { readonly server: number; readonly columns: number };
}

/** Runs a load and watches what the server uses meanwhile. */
export async function measureLoad(
  server: ServerProcess,
  loads: readonly LoadProcess[],
  config: LoadConfig,
): Promise<MeasuredLoad> {
  const before = { server: server.usage(), columns: server.columnsUsage() };
  let serverBytes = before.server.residentBytes;
  let columnsBytes = before.columns.residentBytes;
  const watch = setInterval(() => {
    serverBytes = Math.max(serverBytes, server.usage().residentBytes);
    columnsBytes = Math.max(columnsBytes, server.columnsUsage().residentBytes);
  }, 250);
  let result: LoadResult;
  try {
    result = await runLoads(loads, config);
  } finally {
    clearInterval(watch);
  }
  const after = { server: server.usage(), columns: server.columnsUsage() };
  return {
    result,
    rowsPerSecond: rounded(result.rows / result.seconds),
    commitMs: quantilesOf(result.latenciesMs),
    lateMs: result.lateMs.length > 0 ? quantilesOf(result.lateMs) : null,
    cpuSeconds: {
      client: rounded(result.cpuSeconds, 2),
      server: rounded(after.server.cpuSeconds - before.server.cpuSeconds, 2),
      columns: rounded(after.columns.cpuSeconds - before.columns.cpuSeconds, 2),
    },
    megabytesMax: {
      server: rounded(serverBytes / 2 ** 20),
      columns: rounded(columnsBytes / 2 ** 20),
    },
  };
}

export interface Sandbox {
  readonly server: ServerProcess;
  readonly token: string;
}

/** Ids of fresh sessions, opened. */
export async function openSessions(
  { server, token }: Sandbox,
  prefix: string,
  count: number,
): Promise<string[]> {
  const ids = Array.from({ length: count }, (_, i) => `${prefix}-${i}`);
  for (const id of ids) await server.openSession(token, id);
  return ids;
}

/** What every table shows of a load. */
export function loadRow(name: string, measured: MeasuredLoad): Record<string, unknown> {
  const { result, rowsPerSecond, commitMs, cpuSeconds, megabytesMax } = measured;
  return {
    load: name,
    'rows/s': rowsPerSecond,
    'ticks/s': rounded(result.ticks / result.seconds, 1),
    'MB/s': rounded(result.bytes / result.seconds / 1e6, 1),
    seconds: rounded(result.seconds, 1),
    ms: commitMs,
    cpu: cpuSeconds,
    MB: megabytesMax,
  };
}
