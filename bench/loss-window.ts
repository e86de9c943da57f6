import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { Durability } from '../engine/log/commit-log.ts';
import { openFileLog } from '../engine/log/open-file-log.ts';
import { recordBytes } from '../engine/log/record.ts';
import { segmentHeaderBytes, segmentName } from '../engine/log/segment.ts';
import { asLsn } from '../engine/model/position.ts';
import { readOptions } from './harness/options.ts';
import { Report } from './harness/report.ts';

const claim =
  'What a power failure would take of what is acknowledged, in the modes that answer before they sync.';
const options = readOptions(claim, {
  seconds: { default: 120, short: 3, help: 'How long each mode is written to.' },
  recordsPerSecond: { default: 200, help: 'Of 4 KB each.' },
  intervalMs: { default: 50, help: 'Of the mode `interval`.' },
});

const payload = Buffer.alloc(4096, 0x5a);
const run = promisify(execFile);

/**
 * Where the first byte of a file lies that has no place on the disk yet; null: every byte has one.
 * ext4 and XFS find a place for appended pages when they write them, and `filefrag` shows which
 * have none (`delalloc`), without syncing anything. Pages written again in place do not show, so
 * `strict`, which overwrites padding, cannot be measured like this.
 */
async function firstUnwrittenByte(path: string): Promise<number | null> {
  const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` };
  const { stdout } = await run('filefrag', ['-v', path], { env });
  const blockBytes = Number(/blocks? of (\d+) bytes/.exec(stdout)?.[1]);
  const block = /^\s*\d+:\s*(\d+)\.\..*delalloc/m.exec(stdout)?.[1];
  return block === undefined ? null : Number(block) * blockBytes;
}

interface LossSample {
  /** From the first acknowledgement that would be lost to the last. */
  readonly spanMs: number;
  readonly records: number;
}

/** Appends at a steady rate, and asks again and again what the disk would lack. */
async function lossOf(durability: Durability): Promise<LossSample[]> {
  const directory = await mkdtemp(join(tmpdir(), 'tickloom-bench-'));
  try {
    const log = await openFileLog({ directory, durability });
    const acknowledgedMs: number[] = [];
    log.listen({
      onDurable(upTo) {
        const now = performance.now();
        while (acknowledgedMs.length < upTo) acknowledgedMs.push(now);
      },
      onRejected(_from, error) {
        throw error;
      },
      onFailure(error) {
        throw error;
      },
    });
    const begun = performance.now();
    let appended = 0;
    const timer = setInterval(() => {
      const due = ((performance.now() - begun) / 1000) * options.recordsPerSecond;
      for (; appended < due; appended++) log.append([payload]);
    }, 2);
    const path = join(directory, segmentName(asLsn(1)));
    const samples: LossSample[] = [];
    while (performance.now() - begun < options.seconds * 1000) {
      const acknowledged = acknowledgedMs.length;
      samples.push(sampleOf(acknowledgedMs.slice(0, acknowledged), await firstUnwrittenByte(path)));
      await sleep(7);
    }
    clearInterval(timer);
    await log.close();
    return samples;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function sampleOf(acknowledgedMs: readonly number[], unwritten: number | null): LossSample {
  if (unwritten === null) return { spanMs: 0, records: 0 };
  const first = Math.floor((unwritten - segmentHeaderBytes) / recordBytes(payload.byteLength));
  const from = acknowledgedMs[Math.max(0, first)];
  const to = acknowledgedMs.at(-1);
  if (from === undefined || to === undefined) return { spanMs: 0, records: 0 };
  return { spanMs: to - from, records: acknowledgedMs.length - Math.max(0, first) };
}

async function kernelSeconds(name: string): Promise<number | null> {
  const text = await readFile(`/proc/sys/vm/${name}`, 'utf8').catch(() => null);
  return text === null ? null : Number(text) / 100;
}

const report = new Report({
  bench: 'loss-window',
  claim,
  options,
  cardinality: `${options.recordsPerSecond} records of 4 KB a second, one file`,
  mix: 'appends alone',
  warmUp: 'none',
});
const interval: Durability = { mode: 'interval', syncEveryMs: options.intervalMs };
for (const durability of [interval, { mode: 'none' } as const]) {
  const samples = await lossOf(durability).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
    return null;
  });
  if (samples === null) {
    console.log('left out: `filefrag` (e2fsprogs, Linux) is not installed');
    break;
  }
  const spans = samples.map(({ spanMs }) => spanMs).sort((a, b) => a - b);
  report.row({
    mode: durability.mode,
    samples: samples.length,
    spanMsP50: Math.round(spans[Math.floor(spans.length / 2)] ?? 0),
    spanMsMax: Math.round(spans.at(-1) ?? 0),
    recordsMax: Math.max(...samples.map(({ records }) => records)),
    dirtyExpireSeconds: await kernelSeconds('dirty_expire_centisecs'),
    writebackSeconds: await kernelSeconds('dirty_writeback_centisecs'),
  });
}
await report.print();
