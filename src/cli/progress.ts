import { Presets, SingleBar } from 'cli-progress';

export interface Progress {
  at(value: number): void;
  stop(): void;
}

const megabyte = 1024 * 1024;

/** How many bytes have come, of a number nobody knows yet; on a terminal only. */
export function byteProgress(isWanted: boolean): Progress {
  return counter(isWanted, '{count} MB in {duration} s', (bytes) => (bytes / megabyte).toFixed(1));
}

/** How many records have been replayed; on a terminal only. */
export function recordProgress(isWanted: boolean): Progress {
  return counter(isWanted, '{count} records in {duration} s', String);
}

function counter(isWanted: boolean, format: string, show: (value: number) => string): Progress {
  if (!isWanted || !process.stderr.isTTY) return { at: () => undefined, stop: () => undefined };
  const bar = new SingleBar(
    { format, stream: process.stderr, clearOnComplete: true },
    Presets.shades_classic,
  );
  bar.start(0, 0, { count: show(0) });
  return {
    at: (value) => bar.update(0, { count: show(value) }),
    stop: () => bar.stop(),
  };
}
