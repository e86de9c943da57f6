import type { Lsn, Row, SideTable } from '../../engine/index.ts';
import { EngineError } from '../../engine/model/errors.ts';
import { asLsn } from '../../engine/model/position.ts';
import type { AuditRetention } from '../config/setting-types.ts';
import { servingLimits } from '../serving-limits.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { AuditLog } from './audit-log.ts';
import { type AuditRecord, decodeRecord } from './audit-record.ts';
import { auditRow } from './audit-row.ts';

/** What of `SideTable` the shipper needs. */
export type ShippedTable = Pick<
  SideTable,
  'lastKey' | 'insert' | 'deleteAfter' | 'deleteBefore' | 'list' | 'export' | 'close'
>;

export interface AuditShipperOptions {
  readonly audit: AuditLog;
  /** Opens the table; asked again while ClickHouse does not answer. */
  readonly openTable: () => Promise<ShippedTable>;
  readonly retention: AuditRetention;
  readonly logger: Logger;
  readonly nowMs?: () => number;
}

interface Waiter {
  readonly lsn: Lsn;
  readonly resolve: () => void;
}

const gatherMs = 200;
const retryMsMin = 500;
const retryMsMax = 30_000;
const dropEveryMs = 60 * 60_000;

/**
 * Brings the audit log's records to a table of the column store, in order, each once: it goes on behind
 * the last that the table has. What is old goes from the log once it is shipped.
 */
export class AuditShipper {
  readonly #options: AuditShipperOptions;
  readonly #nowMs: () => number;
  #table: ShippedTable | null = null;
  /** The last record that can be read in the table. */
  #shippedLsn = asLsn(0);
  #waiters: Waiter[] = [];
  /** Why the last attempt failed; null while shipping works. */
  #trouble: string | null = null;
  #isClosed = false;
  #wake: () => void = () => {};
  readonly #running: Promise<void>;
  readonly #dropping: NodeJS.Timeout;

  constructor(options: AuditShipperOptions) {
    this.#options = options;
    this.#nowMs = options.nowMs ?? Date.now;
    options.audit.onDurable = () => this.#wake();
    this.#running = this.#run();
    this.#dropping = setInterval(() => void this.dropOld(), dropEveryMs);
    this.#dropping.unref();
  }

  /**
   * The table, once it has everything that was recorded before the call. Throws `NOT_CAUGHT_UP` where
   * that takes longer than `timeoutMs`, `UNAVAILABLE` where it cannot be.
   */
  async caughtUp(timeoutMs: number): Promise<ShippedTable> {
    const { audit } = this.#options;
    let late: NodeJS.Timeout | undefined;
    const timeout = new Promise<never>((_resolve, reject) => {
      late = setTimeout(() => reject(notCaughtUp(this.#trouble ?? audit.trouble)), timeoutMs);
    });
    const shipped = audit.settled().then(() => this.#shipped(audit.durableLsn));
    try {
      await Promise.race([shipped, timeout]);
    } finally {
      clearTimeout(late);
      // Whoever waits no longer must not leave a rejection that nobody hears of.
      shipped.catch(() => {});
    }
    if (this.#table === null) throw notCaughtUp(this.#trouble);
    return this.#table;
  }

  /** Drops whole segments of the log that are shipped and older than is kept. */
  async dropOld(): Promise<void> {
    const { audit, retention, logger } = this.#options;
    if (retention.kind === 'all' || this.#isClosed) return;
    try {
      const before = await this.#oldBefore();
      const keepBytes = retention.kind === 'bytes' ? retention.bytes : 0;
      const dropped = await audit.dropBefore(before, keepBytes);
      if (dropped.segments === 0) return;
      logger.info({ dropped }, 'old records of the audit log were dropped');
      if (retention.kind === 'bytes') await this.#table?.deleteBefore(BigInt(audit.firstLsn));
    } catch (error) {
      logger.error({ error }, 'old records of the audit log could not be dropped');
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#dropping);
    this.#options.audit.onDurable = null;
    this.#wake();
    await this.#running;
    await this.#table?.close();
  }

  async #run(): Promise<void> {
    let retryMs = retryMsMin;
    while (!this.#isClosed) {
      try {
        const table = await this.#openTable();
        await this.#ship(table);
        this.#trouble = null;
        retryMs = retryMsMin;
        if (!this.#isBehind) await this.#sleep(null);
        if (this.#waiters.length === 0) await this.#sleep(gatherMs);
      } catch (error) {
        if (this.#isClosed) return;
        const { logger } = this.#options;
        if (this.#trouble === null) {
          logger.error({ error }, 'audit records could not be shipped to the column store');
        }
        this.#trouble = 'the column store does not take the audit log';
        await this.#sleep(retryMs);
        retryMs = Math.min(retryMsMax, 2 * retryMs);
      }
    }
  }

  get #isBehind(): boolean {
    return this.#options.audit.durableLsn > this.#shippedLsn;
  }

  async #openTable(): Promise<ShippedTable> {
    if (this.#table !== null) return this.#table;
    const { audit, openTable } = this.#options;
    const table = await openTable();
    try {
      const last = await table.lastKey();
      // Records that the log has lost, and whose numbers it gives again.
      if (last > BigInt(audit.durableLsn)) await table.deleteAfter(BigInt(audit.durableLsn));
      const shipped = Math.min(Number(last), audit.durableLsn);
      this.#shippedLsn = asLsn(Math.max(shipped, audit.firstLsn - 1));
      this.#table = table;
      this.#tellWaiters();
      return table;
    } catch (error) {
      await table.close();
      throw error;
    }
  }

  async #ship(table: ShippedTable): Promise<void> {
    const { audit, retention } = this.#options;
    const days = keptDays(retention);
    const oldMs = days === null ? Number.NEGATIVE_INFINITY : this.#nowMs() - days * dayMs;
    while (this.#isBehind && !this.#isClosed) {
      const rows: Row[] = [];
      let last: Lsn = this.#shippedLsn;
      for await (const { lsn, payload } of audit.read(asLsn(this.#shippedLsn + 1))) {
        const record = decodeRecord(payload);
        last = lsn;
        if (record.atMs >= oldMs) rows.push(auditRow(lsn, record));
        if (rows.length >= servingLimits.auditShipRecordsMax) break;
      }
      if (rows.length > 0) await table.insert(rows);
      this.#shippedLsn = last;
      this.#tellWaiters();
    }
  }

  #shipped(lsn: Lsn): Promise<void> {
    if (this.#table !== null && this.#shippedLsn >= lsn) return Promise.resolve();
    return new Promise((resolve) => {
      this.#waiters.push({ lsn, resolve });
      this.#wake();
    });
  }

  #tellWaiters(): void {
    this.#waiters = this.#waiters.filter(({ lsn, resolve }) => {
      if (lsn > this.#shippedLsn) return true;
      resolve();
      return false;
    });
  }

  /** Null: until somebody wakes it. */
  #sleep(ms: number | null): Promise<void> {
    if (this.#isClosed) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = ms === null ? undefined : setTimeout(() => this.#wake(), ms);
      timer?.unref();
      this.#wake = () => {
        clearTimeout(timer);
        this.#wake = () => {};
        resolve();
      };
    });
  }

  /** The first record that is to be kept: all before it are shipped, and old where days count. */
  async #oldBefore(): Promise<Lsn> {
    const { retention } = this.#options;
    const behindShipped = asLsn(this.#shippedLsn + 1);
    const days = keptDays(retention);
    if (days === null) return behindShipped;
    const oldMs = this.#nowMs() - days * dayMs;
    let [low, high] = [this.#options.audit.firstLsn as number, behindShipped as number];
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      const record = await this.#recordAt(asLsn(middle));
      if (record !== null && record.atMs < oldMs) low = middle + 1;
      else high = middle;
    }
    return asLsn(low);
  }

  async #recordAt(lsn: Lsn): Promise<AuditRecord | null> {
    for await (const { payload } of this.#options.audit.read(lsn)) return decodeRecord(payload);
    return null;
  }
}

/** Null where age does not decide. */
export function keptDays(retention: AuditRetention): number | null {
  return retention.kind === 'days' ? retention.days : null;
}

const dayMs = 24 * 60 * 60_000;

function notCaughtUp(reason: string | null): EngineError {
  return new EngineError(
    'NOT_CAUGHT_UP',
    `what was recorded last cannot be read yet${reason === null ? '' : `: ${reason}`}; ask again in a moment`,
    { retryAfterMs: 1_000 },
  );
}
