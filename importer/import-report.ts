import type { TickOutcome } from '@tickloom/sdk';
import { LatencyHistogram } from './latency-histogram.ts';
import type { MatchTick } from './match.ts';
import { MatchCounts } from './match-counts.ts';
import { expectedVerdict, explainRejection } from './ownership.ts';

/** Explanations kept for printing; all are counted. */
const explanationsMax = 1_000;

/** What an import did, gathered tick by tick. */
export class ImportReport {
  /** What the ticks held that the server acknowledged. */
  readonly counts = new MatchCounts();
  readonly latency = new LatencyHistogram();
  duplicates = 0;
  accepted = 0;
  rejected = 0;
  readonly rejectedByCode = new Map<string, number>();
  /** Why orders were rejected, the first ones. */
  readonly explanations: string[] = [];
  /** Actions whose verdict the ownership rule does not foretell; none, unless something is wrong. */
  unexplained = 0;
  lastTick: number | null = null;

  add(tick: MatchTick, outcome: TickOutcome): void {
    this.counts.add(tick);
    this.accepted += outcome.accepted;
    this.rejected += outcome.rejected;
    if (outcome.duplicate) this.duplicates += 1;
    this.lastTick = tick.tick;
    const rejected = new Set<number>();
    for (const rejection of outcome.rejections) {
      rejected.add(rejection.index);
      const code = rejection.conflict?.code ?? 'UNKNOWN';
      this.rejectedByCode.set(code, (this.rejectedByCode.get(code) ?? 0) + 1);
      const action = tick.actions[rejection.index];
      if (action && this.explanations.length < explanationsMax) {
        this.explanations.push(explainRejection(action, rejection));
      }
    }
    tick.actions.forEach((action, index) => {
      const verdict = rejected.has(index) ? 'REJECTED' : 'ACCEPTED';
      if (verdict !== expectedVerdict(action)) this.unexplained += 1;
    });
  }
}
