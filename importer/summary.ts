import type { ImportResult } from './import-match.ts';
import type { Match } from './match.ts';

/** What an import prints at its end, for machines. */
export interface Summary {
  readonly sessionId: string;
  readonly complete: boolean;
  readonly ticks: number;
  readonly ticksOfMatch: number;
  readonly duplicates: number;
  readonly actions: number;
  readonly accepted: number;
  readonly rejected: number;
  readonly rejectedByCode: Readonly<Record<string, number>>;
  readonly unexplained: number;
  readonly orders: number;
  readonly unitReferences: number;
  readonly distinctUnits: number;
  readonly checksums: number;
  readonly desyncs: number;
  readonly byKind: Readonly<Record<string, number>>;
  readonly seconds: number;
  readonly commitsPerSecond: number;
  readonly actionsPerSecond: number;
  readonly commitMs: { readonly p50: number; readonly p95: number; readonly p99: number } | null;
  readonly lastTick: number | null;
  readonly position: string;
  readonly stateHash: string;
}

export function summarise(match: Match, result: ImportResult): Summary {
  const { report, session } = result;
  const { counts, latency } = report;
  const seconds = result.elapsedMs / 1000;
  const p50 = latency.quantile(0.5);
  const p95 = latency.quantile(0.95);
  const p99 = latency.quantile(0.99);
  return {
    sessionId: session.sessionId,
    complete: result.complete,
    ticks: counts.ticks,
    ticksOfMatch: match.tickCount,
    duplicates: report.duplicates,
    actions: counts.actions,
    accepted: report.accepted,
    rejected: report.rejected,
    rejectedByCode: Object.fromEntries(report.rejectedByCode),
    unexplained: report.unexplained,
    orders: counts.orders,
    unitReferences: counts.unitReferences,
    distinctUnits: counts.distinctUnits,
    checksums: counts.checksums,
    desyncs: counts.desyncs,
    byKind: Object.fromEntries([...counts.byKind].sort(([, a], [, b]) => b - a)),
    seconds: round(seconds, 3),
    commitsPerSecond: round(counts.ticks / seconds, 1),
    actionsPerSecond: round(counts.actions / seconds, 1),
    commitMs:
      p50 === null || p95 === null || p99 === null
        ? null
        : { p50: round(p50, 2), p95: round(p95, 2), p99: round(p99, 2) },
    lastTick: session.lastTick,
    position: session.position,
    stateHash: session.stateHash,
  };
}

/** A summary as people read it. */
export function summaryText(summary: Summary): string {
  const { commitMs } = summary;
  const codes = Object.entries(summary.rejectedByCode).map(([code, n]) => `${count(n)} ${code}`);
  const kinds = Object.entries(summary.byKind).map(([kind, n]) => `${kind} ${count(n)}`);
  const again = summary.duplicates > 0 ? `, ${count(summary.duplicates)} of them known before` : '';
  const lines: (readonly [string, string])[] = [
    ['session', summary.sessionId],
    ['ticks', `${count(summary.ticks)} of ${count(summary.ticksOfMatch)}${again}`],
    ['actions', `${count(summary.actions)} (${count(summary.orders)} orders)`],
    ['accepted', count(summary.accepted)],
    ['rejected', [count(summary.rejected), ...codes].join(', ')],
    ['by kind', wrapped(kinds)],
    [
      'units',
      `${count(summary.unitReferences)} references to ${count(summary.distinctUnits)} units`,
    ],
    ['checksums', `${count(summary.checksums)}, ${count(summary.desyncs)} that differ`],
    ['speed', speedText(summary)],
    [
      'commit',
      commitMs ? `p50 ${commitMs.p50} ms, p95 ${commitMs.p95} ms, p99 ${commitMs.p99} ms` : 'none',
    ],
    ['position', `${summary.position}, last tick ${summary.lastTick ?? 'none'}`],
    ['state hash', summary.stateHash],
  ];
  return lines.map(([name, text]) => `${name.padEnd(labelWidth)}${text}`).join('\n');
}

const labelWidth = 12;
const kindsPerLine = 5;

function wrapped(parts: readonly string[]): string {
  const lines: string[] = [];
  for (let i = 0; i < parts.length; i += kindsPerLine) {
    lines.push(parts.slice(i, i + kindsPerLine).join(', '));
  }
  return lines.join(`,\n${' '.repeat(labelWidth)}`);
}

function speedText({ commitsPerSecond, actionsPerSecond, seconds }: Summary): string {
  return `${count(commitsPerSecond)} commits and ${count(actionsPerSecond)} actions a second, ${seconds.toFixed(1)} s`;
}

function count(value: number): string {
  return Math.round(value).toLocaleString('en-GB');
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
