import { SingleBar } from 'cli-progress';
import type { ImportReport } from './import-report.ts';

export interface Progress {
  update(report: ImportReport): void;
  end(): void;
}

const silent: Progress = { update: () => undefined, end: () => undefined };

/** A bar where `stream` is a terminal and `wanted`; else nothing. */
export function progressOn(stream: NodeJS.WriteStream, ticks: number, wanted: boolean): Progress {
  if (!wanted || !stream.isTTY) return silent;
  const bar = new SingleBar({
    stream,
    format:
      '{bar} {percentage}%  tick {value} of {total}  {actions} actions  {rejected} rejected  {eta_formatted} to go',
    hideCursor: true,
    clearOnComplete: true,
    etaBuffer: 200,
    barCompleteChar: '█',
    barIncompleteChar: '░',
  });
  bar.start(ticks, 0, { actions: 0, rejected: 0 });
  return {
    update: ({ counts, rejected }) =>
      bar.update(counts.ticks, { actions: counts.actions, rejected }),
    end: () => bar.stop(),
  };
}
