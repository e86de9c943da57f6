import { Presets, SingleBar } from 'cli-progress';

export interface Progress {
  at(value: number): void;
  stop(): void;
}

const megabyte = 1024 * 1024;

/** How many bytes have come, of a number nobody knows yet; on a terminal only. */
export function byteProgress(isWanted: boolean): Progress {
  if (!isWanted || !process.stderr.isTTY) return { at: () => undefined, stop: () => undefined };
  const bar = new SingleBar(
    { format: '{megabytes} MB in {duration} s', stream: process.stderr, clearOnComplete: true },
    Presets.shades_classic,
  );
  bar.start(0, 0, { megabytes: '0.0' });
  return {
    at: (bytes) => bar.update(0, { megabytes: (bytes / megabyte).toFixed(1) }),
    stop: () => bar.stop(),
  };
}
