import type { ColumnQueries } from '../../engine/index.ts';
import { EngineError } from '../../engine/model/errors.ts';
import { formatPosition } from '../../engine/model/position.ts';
import { isOpenColumnStore } from '../telemetry/metric-registry.ts';
import type { AuditCondition, TitleCondition } from '../titles/title-condition.ts';

interface TitleReport {
  readonly ready: boolean;
  readonly checks: { readonly log: string; readonly columns: string; readonly audit: string };
  readonly reason?: string;
  readonly position?: string;
  readonly coveredPosition?: string;
}

/**
 * Whether traffic may be sent here, and what is not so yet.
 *
 * The server waits for the titles that it was started with: their logs are recovered and their columns
 * have caught up with what those held; later columns are always a little behind, which is what
 * `columns_lag_lsn` is for. A title that is opened or closed later takes no other out of service, but
 * a log that failed does: only a start mends it. An audit log that cannot be written takes no server
 * out of service, as ticks go on without it; it is told.
 */
export class Readiness {
  /** `serving` from the moment on that every route answers. */
  server: 'starting' | 'serving' | 'draining' = 'starting';
  /** Why no token can be verified, asked anew each time; null while they can. */
  identityProblem: () => string | null = () => null;
  readonly #titles: () => readonly TitleCondition[];

  constructor(titles: () => readonly TitleCondition[]) {
    this.#titles = titles;
  }

  report() {
    const identityProblem = this.identityProblem();
    const conditions = this.#titles();
    const titles = conditions.map((title) => [title.name, titleReport(title)] as const);
    const counted = conditions.filter(countsForServer).map(titleReport);
    const isBefore = this.server === 'starting' && conditions.length === 0;
    const logs = isBefore ? ['recovering'] : counted.map(({ checks }) => checks.log);
    const columns = counted.map(({ checks }) => checks.columns);
    const audits = titles.map(([, { checks }]) => checks.audit);
    const checks = {
      log: worst(logs, ['failed', 'recovering']),
      columns: worst(columns, ['not answering', 'catching up']),
      audit: worst(audits, ['refusing', 'waiting']),
      identity: identityProblem === null ? 'ok' : 'no provider',
      server: this.server === 'serving' ? 'ok' : this.server,
    };
    const reasons = new Set([
      ...titles.flatMap(([, { reason }]) => reason ?? []),
      ...(identityProblem === null ? [] : [identityProblem]),
    ]);
    const [only] = titles.length === 1 ? titles : [];
    const { position, coveredPosition } = only?.[1] ?? {};
    return {
      ready:
        counted.every(({ ready }) => ready) &&
        identityProblem === null &&
        this.server === 'serving',
      checks,
      ...(reasons.size === 0 ? {} : { reason: [...reasons].join('; ') }),
      ...(position === undefined ? {} : { position, coveredPosition }),
      titles: Object.fromEntries(titles),
    };
  }
}

/** Whether a title that is not ready makes the server unready. */
function countsForServer({ state, engine, isOfStart }: TitleCondition): boolean {
  if (state === 'open' && engine?.failure) return true;
  return isOfStart && state !== 'closing';
}

function titleReport({ state, engine, audit, recoveredLsn }: TitleCondition): TitleReport {
  if (engine === null || recoveredLsn === null) {
    return { ready: false, checks: { log: 'recovering', columns: 'catching up', audit: 'ok' } };
  }
  const { columns, failure } = engine;
  const hasCaughtUp = columns.coveredLsn >= recoveredLsn;
  const silence = silenceOf(columns);
  const reasons = [failure ? reasonOf(failure) : null, silence, auditReason(audit)].filter(
    (text) => text !== null,
  );
  return {
    // Ticks do not wait for the column store: one that hangs takes no server out of service.
    ready: state === 'open' && failure === null && hasCaughtUp,
    checks: {
      log: failure === null ? 'ok' : 'failed',
      columns: silence !== null ? 'not answering' : hasCaughtUp ? 'ok' : 'catching up',
      audit: audit?.state ?? 'ok',
    },
    ...(reasons.length === 0 ? {} : { reason: reasons.join('; ') }),
    position: formatPosition(engine.appliedLsn),
    coveredPosition: formatPosition(columns.coveredLsn),
  };
}

/** The first of the bad states that any title is in. */
function worst(states: readonly string[], bad: readonly string[]): string {
  return bad.find((state) => states.includes(state)) ?? 'ok';
}

function silenceOf(columns: ColumnQueries): string | null {
  return isOpenColumnStore(columns) ? columns.trouble : null;
}

function auditReason(audit: AuditCondition | null): string | null {
  if (audit === null || audit.trouble === null) return null;
  return `the audit log: ${audit.trouble}`;
}

/** Messages of other errors may hold internals; those are in the log. */
function reasonOf(failure: Error): string {
  return failure instanceof EngineError ? failure.message : 'the log cannot be written';
}
