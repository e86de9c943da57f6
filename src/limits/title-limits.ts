import { EngineError } from '../../engine/model/errors.ts';
import type { RoleDefinition, UseLimits } from '../../engine/model/types.ts';
import type { CountedUse, Principal, RequestContext, UsePort } from '../../resolvers/context.ts';
import type { AuditLog } from '../audit/audit-log.ts';
import { emptyRecord } from '../audit/audit-record.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { Allowance, type Bound, type Excess } from './allowance.ts';
import { limitsOf, mayCommit } from './default-limits.ts';

/** Who is counted. */
export type Client = Pick<Principal, 'subject' | 'role'>;

/** What was used by something that is done. */
export interface Used {
  readonly bytes?: number;
  readonly rowsRead?: number;
}

/** Until a quota is asked again: what stands ends when its owner ends it. */
const quotaRetryMs = 1_000;

/**
 * How much a title's clients may ask for: each client of a role, all clients of it, and all of the
 * title. Whoever answers asks here once a request, before its body is read or its operation parsed.
 */
export class TitleLimits implements UsePort {
  readonly #metrics: Metrics;
  /** Counts those that come again and again, so that each may be told. */
  readonly #audit: Pick<AuditLog, 'record'>;
  /** By role, narrowest first: what one is refused must not count for all. A role without bounds has none. */
  readonly #allowances = new WeakMap<object, readonly Allowance[]>();
  readonly #ofTitle: Allowance | null;

  constructor(titleLimits: UseLimits, metrics: Metrics, audit: Pick<AuditLog, 'record'>) {
    this.#ofTitle =
      Object.keys(titleLimits).length > 0 ? new Allowance('title', titleLimits) : null;
    this.#metrics = metrics;
    this.#audit = audit;
  }

  /** Counts a request; undefined where nothing bounds it. Rejects with `RATE_LIMITED`. */
  admit(client: Client, requestId: string): Promise<void> | undefined {
    const allowances = this.#allowancesOf(client.role);
    if (allowances.length === 0) return undefined;
    return this.#each(allowances, client, requestId, (each) => each.request(client.subject));
  }

  take(
    use: CountedUse,
    { principal, ticket }: Pick<RequestContext, 'principal' | 'ticket'>,
  ): Promise<void> | undefined {
    const allowances = this.#allowancesOf(principal.role);
    if (allowances.length === 0) return undefined;
    const bound = use === 'tick' ? 'ticksPerSecond' : 'exportsPerHour';
    return this.#each(allowances, principal, ticket.trace.requestId, (each) =>
      each.take(bound, principal.subject),
    );
  }

  /** Counts what a request has used; its client pays before the next one. */
  charge({ subject, role }: Client, { bytes = 0, rowsRead = 0 }: Used): void {
    for (const allowance of this.#allowancesOf(role)) {
      void allowance.charge('bytesPerSecond', subject, bytes);
      void allowance.charge('rowsReadPerMinute', subject, rowsRead);
    }
  }

  /**
   * Counts a subscription that begins. Returns what must be called, once, when it has ended. Throws
   * `QUOTA_EXCEEDED`.
   */
  subscribe(client: Client, requestId: string): () => void {
    const allowances = this.#allowancesOf(client.role);
    for (const allowance of allowances) {
      const excess = allowance.subscriptionExcess(client.subject);
      if (excess !== null) throw this.#refusal(excess, client, requestId);
    }
    const ends = allowances.map((allowance) => allowance.beginSubscription(client.subject));
    return () => {
      for (const end of ends) end();
    };
  }

  async #each(
    allowances: readonly Allowance[],
    client: Client,
    requestId: string,
    count: (allowance: Allowance) => Promise<Excess | null>,
  ): Promise<void> {
    for (const allowance of allowances) {
      const excess = await count(allowance);
      if (excess !== null) throw this.#refusal(excess, client, requestId);
    }
  }

  #refusal(excess: Excess, { subject, role }: Client, requestId: string): EngineError {
    const { of, bound, max, waitMs } = excess;
    const name = role?.name ?? null;
    this.#metrics.rateLimited.inc({ role: name ?? '', bound, of });
    this.#audit.record({
      ...emptyRecord,
      atMs: Date.now(),
      action: 'use.refused',
      outcome: 'refused',
      code: waitMs === null ? 'QUOTA_EXCEEDED' : 'RATE_LIMITED',
      subject: subject || null,
      role: name,
      requestId,
      details: { bound, of, max },
    });
    const retryAfterMs = waitMs ?? quotaRetryMs;
    const advice = waitMs === null ? 'end one of them first' : `try again in ${retryAfterMs} ms`;
    return new EngineError(
      waitMs === null ? 'QUOTA_EXCEEDED' : 'RATE_LIMITED',
      `${holders[of](name)} may ${saying(bound, max)}; ${advice}`,
      { retryAfterMs, details: { bound, of, max } },
    );
  }

  #allowancesOf(role: RoleDefinition | null): readonly Allowance[] {
    const known = this.#allowances.get(role ?? this);
    if (known !== undefined) return known;
    const { together, exportsKept: _, ...client } = limitsOf(role);
    const allowances: Allowance[] = [];
    if (Object.keys(client).length > 0) allowances.push(new Allowance('client', client));
    if (together !== undefined) allowances.push(new Allowance('role', together));
    if (this.#ofTitle !== null && !(role !== null && mayCommit(role))) {
      allowances.push(this.#ofTitle);
    }
    this.#allowances.set(role ?? this, allowances);
    return allowances;
  }
}

const holders = {
  client: (role: string | null) =>
    role === null ? 'a client without a role' : `a client of the role "${role}"`,
  role: (role: string | null) => `all clients of the role "${role}" together`,
  title: () => 'all clients of the title together',
} as const;

function saying(bound: Bound, max: number): string {
  switch (bound) {
    case 'requestsPerSecond':
    case 'burst':
      return `send ${max} requests a second`;
    case 'bytesPerSecond':
      return `send and be sent ${max} bytes a second`;
    case 'ticksPerSecond':
      return `commit ${max} ticks a second`;
    case 'rowsReadPerMinute':
      return `have ${max} rows read a minute`;
    case 'subscriptions':
      return `have ${max} subscriptions at the same time`;
    case 'exportsPerHour':
      return `order ${max} exports an hour`;
  }
}
