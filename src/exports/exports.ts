import { randomUUID } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { PersonalValues } from '../../engine/index.ts';
import { EngineError } from '../../engine/model/errors.ts';
import type { ExportInfo, ExportRegistry, ExportSpec, Principal } from '../../resolvers/context.ts';
import { limitsOf } from '../limits/default-limits.ts';
import { servingLimits } from '../serving-limits.ts';
import { writePrivately } from '../storage/private-file.ts';
import type { Logger } from '../telemetry/logger.ts';
import { ExportCopies } from './export-copies.ts';
import { decodeExport, encodeExport, type StoredExport } from './export-file.ts';
import type { ExportLinks } from './export-link.ts';

export interface ExportsOptions {
  /** One file an export lies here, so that links outlive a restart. */
  readonly directory: string;
  readonly links: ExportLinks;
  readonly ttlMs: number;
  readonly logger: Logger;
  /** Keeps the names of those whose exports they are; left out, they stand in the files as they are. */
  readonly personal?: Pick<PersonalValues, 'nameToken' | 'valueOf'>;
  /** Disk that copies of what was read may take. */
  readonly copiesBytesMax?: number;
  readonly nowMs?: () => number;
}

/** How one read of an export ended. That a client left says nothing about the export. */
export type ReadOutcome =
  | { readonly kind: 'complete'; readonly bytes: number }
  | { readonly kind: 'left' }
  | { readonly kind: 'failed' };

const sweepEveryMs = 60_000;

/**
 * The exports of one title. An export is an order: the first read of its link computes the rows as of
 * its position, and leaves a copy of them (`ExportCopies`), which later reads are sent while it is
 * kept. What has no copy is computed again.
 */
export class Exports implements ExportRegistry {
  readonly #options: ExportsOptions;
  readonly #nowMs: () => number;
  readonly #stored = new Map<string, StoredExport>();
  /** Reads running now, by export. */
  readonly #streaming = new Map<string, number>();
  readonly #sweeper: NodeJS.Timeout;
  readonly copies: ExportCopies;

  constructor(options: ExportsOptions) {
    this.#options = options;
    this.#nowMs = options.nowMs ?? Date.now;
    this.copies = new ExportCopies({
      directory: join(options.directory, 'copies'),
      logger: options.logger,
      ...(options.copiesBytesMax === undefined ? {} : { bytesMax: options.copiesBytesMax }),
    });
    this.#load();
    this.copies.retain((id) => this.#stored.has(id));
    this.#sweeper = setInterval(() => this.#sweep(), sweepEveryMs);
    this.#sweeper.unref();
  }

  async create(spec: ExportSpec, principal: Principal): Promise<ExportInfo> {
    this.#sweep();
    this.#checkQuota(principal);
    if (this.#stored.size >= servingLimits.exportsMax && !this.#forgetExpired()) {
      throw new EngineError('OVERLOADED', 'too many exports are open; wait until some expire', {
        retryAfterMs: sweepEveryMs,
      });
    }
    const stored: StoredExport = {
      id: randomUUID(),
      subject: this.#keptName(principal.subject),
      ...(principal.role === null ? {} : { role: principal.role.name }),
      // A whole second, as links carry it.
      expiresAtMs: Math.floor((this.#nowMs() + this.#options.ttlMs) / 1000) * 1000,
      spec,
      state: 'READY',
      bytes: null,
    };
    this.#keep(stored);
    return this.#info(stored);
  }

  async get(id: string, principal: Principal): Promise<ExportInfo | null> {
    const stored = this.#stored.get(id);
    return stored === undefined || stored.subject !== this.#keptName(principal.subject)
      ? null
      : this.#info(stored);
  }

  /** The export of a link whose signature is good. Throws `NOT_FOUND`. */
  find(id: string): StoredExport {
    const stored = this.#stored.get(id);
    if (stored === undefined) throw new EngineError('NOT_FOUND', 'there is no such export');
    return {
      ...stored,
      subject: this.#options.personal?.valueOf(stored.subject) ?? stored.subject,
    };
  }

  /** A name as it stands in files. */
  #keptName(subject: string): string {
    return this.#options.personal?.nameToken(subject, subject) ?? subject;
  }

  /** Counts a read of an export before it begins. Throws `OVERLOADED`. */
  begin(id: string): void {
    let running = 0;
    for (const count of this.#streaming.values()) running += count;
    if (running >= servingLimits.exportStreamsMax) {
      throw new EngineError('OVERLOADED', 'too many exports are being read', {
        retryAfterMs: 2_000,
      });
    }
    this.#streaming.set(id, (this.#streaming.get(id) ?? 0) + 1);
  }

  /** Must follow each `begin` that did not throw. */
  end(id: string, outcome: ReadOutcome): void {
    const running = (this.#streaming.get(id) ?? 1) - 1;
    if (running > 0) this.#streaming.set(id, running);
    else this.#streaming.delete(id);
    const stored = this.#stored.get(id);
    if (stored === undefined || stored.state === 'COMPLETE') return;
    if (outcome.kind === 'complete') {
      this.#keep({ ...stored, state: 'COMPLETE', bytes: outcome.bytes });
    } else if (outcome.kind === 'failed') {
      this.#keep({ ...stored, state: 'FAILED' });
    }
  }

  close(): void {
    clearInterval(this.#sweeper);
  }

  /** Throws `QUOTA_EXCEEDED` where the subject has as many exports as its role allows. */
  #checkQuota({ subject: name, role }: Principal): void {
    const subject = this.#keptName(name);
    const { exportsKept: max } = limitsOf(role);
    if (max === undefined) return;
    const nowMs = this.#nowMs();
    const kept = [...this.#stored.values()].filter(
      (stored) => stored.subject === subject && stored.expiresAtMs > nowMs,
    );
    if (kept.length < max) return;
    const firstMs = Math.min(...kept.map(({ expiresAtMs }) => expiresAtMs));
    throw new EngineError(
      'QUOTA_EXCEEDED',
      `a client of the role "${role?.name ?? ''}" may have ${max} exports whose links have not expired; wait until the first one expires`,
      {
        retryAfterMs: firstMs - nowMs,
        details: { bound: 'exportsKept', of: 'client', max },
      },
    );
  }

  #info(stored: StoredExport): ExportInfo {
    const { id, expiresAtMs, spec } = stored;
    const bytes = this.copies.peek(id)?.bytes ?? stored.bytes;
    const isStreaming = this.#streaming.has(id) && stored.state !== 'COMPLETE';
    return {
      id,
      url: this.#options.links.url(id, expiresAtMs),
      expiresAtMs,
      state: expiresAtMs <= this.#nowMs() ? 'EXPIRED' : isStreaming ? 'STREAMING' : stored.state,
      lsn: spec.asOfLsn,
      rows: null,
      bytes: bytes === null ? null : BigInt(bytes),
      format: spec.format,
    };
  }

  #keep(stored: StoredExport): void {
    writePrivately(this.#path(stored.id), encodeExport(stored));
    this.#stored.set(stored.id, stored);
  }

  #load(): void {
    mkdirSync(this.#options.directory, { recursive: true, mode: 0o700 });
    for (const file of readdirSync(this.#options.directory)) {
      if (!file.endsWith('.json')) continue;
      try {
        const text = readFileSync(join(this.#options.directory, file), 'utf8');
        const stored = decodeExport(text);
        this.#stored.set(stored.id, stored);
      } catch (error) {
        const path = join(this.#options.directory, file);
        this.#options.logger.warn({ error, path }, 'an export file cannot be read and is ignored');
      }
    }
    this.#sweep();
  }

  /** An expired export stays a while, so that its state can still be asked for. */
  #sweep(): void {
    for (const stored of this.#expiredBy(this.#nowMs() - this.#options.ttlMs)) this.#drop(stored);
  }

  /** Makes room by what expired first; false: nothing has. */
  #forgetExpired(): boolean {
    const [first, ...others] = this.#expiredBy(this.#nowMs());
    if (first === undefined) return false;
    this.#drop(others.reduce((a, b) => (b.expiresAtMs < a.expiresAtMs ? b : a), first));
    return true;
  }

  #expiredBy(ms: number): StoredExport[] {
    return [...this.#stored.values()].filter(
      ({ id, expiresAtMs }) => expiresAtMs <= ms && !this.#streaming.has(id),
    );
  }

  #drop({ id }: StoredExport): void {
    this.#stored.delete(id);
    this.copies.remove(id);
    rmSync(this.#path(id), { force: true });
  }

  #path(id: string): string {
    return join(this.#options.directory, `${id}.json`);
  }
}
