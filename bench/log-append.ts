import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Durability } from '../engine/log/commit-log.ts';
import { openFileLog } from '../engine/log/open-file-log.ts';
import type { LogReport } from '../engine/log/recover-segments.ts';
import { readOptions } from './harness/options.ts';
import { Report } from './harness/report.ts';

const claim =
  'What the file log costs: from append to durable, and to read and verify it when it opens.';
const options = readOptions(claim, {
  scale: { default: 1, short: 0.02, help: 'Of the number of records of each case.' },
});

interface Case {
  readonly mode: Durability['mode'];
  readonly recordBytes: number;
  readonly inFlight: number;
  readonly records: number;
}

interface AppendResult extends Case {
  readonly p50Us: number;
  readonly p95Us: number;
  readonly p99Us: number;
  readonly p999Us: number;
  readonly recordsPerSecond: number;
  readonly megabytesPerSecond: number;
  /** The longest span of acknowledgements not yet synced: what a power failure takes, at most. */
  readonly lossSpanMs: number | null;
  /** The longest that one acknowledgement waited for its sync. */
  readonly unsyncedMs: number | null;
}

const durabilities: Readonly<Record<Durability['mode'], Durability>> = {
  strict: { mode: 'strict' },
  interval: { mode: 'interval', syncEveryMs: 50 },
  none: { mode: 'none' },
};

async function inDirectory<T>(run: (directory: string) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), 'tickloom-bench-'));
  try {
    return await run(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** Measures what a power failure could take of what is acknowledged, and for how long. */
class LossWindow {
  spanMs = 0;
  longestMs = 0;
  #unsynced: number[] = [];

  acknowledged(now: number): void {
    this.#unsynced.push(now);
    this.spanMs = Math.max(this.spanMs, now - (this.#unsynced[0] ?? now));
  }

  synced(now: number, seconds: number): void {
    const begun = now - seconds * 1000;
    const oldest = this.#unsynced[0];
    if (oldest !== undefined && oldest <= begun) {
      this.longestMs = Math.max(this.longestMs, now - oldest);
    }
    this.#unsynced = this.#unsynced.filter((time) => time > begun);
  }
}

async function append(of: Case, directory: string): Promise<AppendResult> {
  const lossWindow = new LossWindow();
  const log = await openFileLog({
    directory,
    durability: durabilities[of.mode],
    observer: { onSync: (seconds) => lossWindow.synced(performance.now(), seconds) },
  });
  const payload = Buffer.alloc(of.recordBytes, 0x5a);
  const warmUp = Math.floor(of.records / 10);
  const total = of.records + warmUp;
  const begun: number[] = [];
  const took: number[] = [];
  let started = 0;
  let done = 0;
  await new Promise<void>((finished, failed) => {
    const more = () => {
      while (begun.length < total && begun.length - done < of.inFlight) {
        begun.push(performance.now());
        log.append([payload]);
      }
    };
    log.listen({
      onDurable(upTo) {
        const now = performance.now();
        if (of.mode === 'interval') lossWindow.acknowledged(now);
        for (; done < upTo; done++) {
          if (done === warmUp) started = now;
          if (done >= warmUp) took.push((now - (begun[done] ?? now)) * 1000);
        }
        if (done === total) finished();
        else more();
      },
      onRejected: (_from, error) => failed(error),
      onFailure: failed,
    });
    more();
  });
  const seconds = (performance.now() - started) / 1000;
  await log.close();
  took.sort((a, b) => a - b);
  const at = (share: number) => Math.round(took[Math.floor((took.length - 1) * share)] ?? 0);
  return {
    ...of,
    p50Us: at(0.5),
    p95Us: at(0.95),
    p99Us: at(0.99),
    p999Us: at(0.999),
    recordsPerSecond: Math.round(of.records / seconds),
    megabytesPerSecond: Math.round((of.records * of.recordBytes) / seconds / 1e6),
    lossSpanMs: of.mode === 'none' ? null : Math.round(lossWindow.spanMs),
    unsyncedMs: of.mode === 'none' ? null : Math.round(lossWindow.longestMs),
  };
}

interface ScanResult {
  readonly recordBytes: number;
  readonly records: number;
  readonly seconds: number;
  readonly megabytesPerSecond: number;
  readonly recordsPerSecond: number;
}

async function scan(recordBytes: number, records: number, directory: string): Promise<ScanResult> {
  const log = await openFileLog({ directory, durability: { mode: 'none' } });
  const payload = Buffer.alloc(recordBytes, 0x5a);
  await new Promise<void>((finished, failed) => {
    const more = () => {
      for (let n = 0; n < 200 && log.durableLsn + log.pending.records < records; n++) {
        log.append([payload]);
      }
    };
    log.listen({
      onDurable(upTo) {
        if (upTo === records) finished();
        else if (log.pending.records === 0) more();
      },
      onRejected: (_from, error) => failed(error),
      onFailure: failed,
    });
    more();
  });
  await log.close();
  let report: LogReport | null = null;
  let bytes = 0;
  const again = await openFileLog({
    directory,
    durability: { mode: 'strict' },
    onRecord: (record) => {
      bytes += record.payload.byteLength;
    },
    onReport: (found) => {
      report = found;
    },
  });
  await again.close();
  const { seconds } = report as unknown as LogReport;
  return {
    recordBytes,
    records,
    seconds: Math.round(seconds * 1000) / 1000,
    megabytesPerSecond: Math.round(bytes / seconds / 1e6),
    recordsPerSecond: Math.round(records / seconds),
  };
}

function scaled(records: number): number {
  return Math.max(100, Math.round(records * options.scale));
}

const cases: Case[] = [];
for (const recordBytes of [512, 4096, 16_384, 65_536]) {
  for (const inFlight of [1, 64]) {
    const records = scaled((inFlight === 1 ? 5000 : 40_000) / (recordBytes > 10_000 ? 8 : 1));
    cases.push({ mode: 'strict', recordBytes, inFlight, records });
  }
}
cases.push({ mode: 'interval', recordBytes: 4096, inFlight: 1, records: scaled(10_000) });
cases.push({ mode: 'interval', recordBytes: 65_536, inFlight: 64, records: scaled(20_000) });
cases.push({ mode: 'none', recordBytes: 4096, inFlight: 1, records: scaled(10_000) });

const appends: AppendResult[] = [];
for (const of of cases) {
  appends.push(await inDirectory((directory) => append(of, directory)));
}
const scans: ScanResult[] = [];
for (const [recordBytes, records] of [
  [12_000, 50_000],
  [500_000, 1500],
  [200, 500_000],
] as const) {
  scans.push(await inDirectory((directory) => scan(recordBytes, scaled(records), directory)));
}

const report = new Report({
  bench: 'log-append',
  claim,
  options,
  cardinality:
    'records of 512 B, 4 KB and 64 KB, 1 and 64 in flight; then logs of short and long ones',
  mix: 'appends alone; reads alone, from the page cache',
  warmUp: 'a tenth of the records of each case',
});
for (const one of appends) report.row({ what: 'append', ...one });
for (const one of scans) report.row({ what: 'read and verify', ...one });
await report.print();
