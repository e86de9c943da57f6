import { join } from 'node:path';
import { EngineError } from '../../engine/model/errors.ts';
import { servingLimits } from '../serving-limits.ts';
import { damagedFile, readPrivately, writePrivately } from '../storage/private-file.ts';
import type { VerifiedToken } from './verified-token.ts';

/** Whom or what an operator has shut out: every token of a subject, or one token by its `jti`. */
export type DenialKey =
  | { readonly kind: 'subject'; readonly subject: string }
  | { readonly kind: 'token'; readonly tokenId: string };

export interface Denial {
  readonly key: DenialKey;
  readonly sinceMs: number;
  /** From then on it is let in again; null: when an operator says so. */
  readonly untilMs: number | null;
}

/** One of the keys, as a text that no other key has. */
function textOf(key: DenialKey): string {
  return key.kind === 'subject' ? `subject:${key.subject}` : `token:${key.tokenId}`;
}

/**
 * The denials of a server: a small file in its data directory, written whole at each change, which holds
 * from when it was written.
 */
export class DenyList {
  readonly #path: string;
  readonly #denials: Map<string, Denial>;
  readonly #nowMs: () => number;
  readonly #listeners = new Set<() => void>();

  private constructor(path: string, denials: readonly Denial[], nowMs: () => number) {
    this.#path = path;
    this.#denials = new Map(denials.map((denial) => [textOf(denial.key), denial]));
    this.#nowMs = nowMs;
  }

  /** Throws for a file that is damaged: who was shut out must not be let in by an accident. */
  static open(dataDir: string, nowMs: () => number = Date.now): DenyList {
    const path = join(dataDir, 'denied-tokens.json');
    const kept = readPrivately(path);
    return new DenyList(
      path,
      kept === null ? [] : parseDenials(kept.toString('utf8'), path),
      nowMs,
    );
  }

  /** The denials that hold now, the oldest first. */
  denials(): readonly Denial[] {
    this.#forgetPast();
    return [...this.#denials.values()].sort((a, b) => a.sinceMs - b.sinceMs);
  }

  denies({ subject, tokenId }: Pick<VerifiedToken, 'subject' | 'tokenId'>): boolean {
    if (this.#denials.size === 0) return false;
    return (
      this.#holds(`subject:${subject}`) || (tokenId !== null && this.#holds(`token:${tokenId}`))
    );
  }

  /**
   * In force, on running streams too, and on disk when it returns; replaces an earlier denial of the
   * same. Throws `LIMIT_EXCEEDED`.
   */
  add(key: DenialKey, untilMs: number | null): Denial {
    this.#forgetPast();
    const { denialsMax } = servingLimits;
    const text = textOf(key);
    if (this.#denials.size >= denialsMax && !this.#denials.has(text)) {
      throw new EngineError(
        'LIMIT_EXCEEDED',
        `${denialsMax} denials hold already; take some back (tickloom token allow), or have the issuer revoke`,
        { details: { limit: 'denialsMax', max: denialsMax } },
      );
    }
    const denial = { key, sinceMs: this.#nowMs(), untilMs };
    this.#write(
      [...this.#denials].filter(([known]) => known !== text).map(([, one]) => one),
      denial,
    );
    this.#denials.set(text, denial);
    for (const listen of this.#listeners) listen();
    return denial;
  }

  /** False: nothing of the kind was denied. */
  remove(key: DenialKey): boolean {
    this.#forgetPast();
    const text = textOf(key);
    if (!this.#denials.has(text)) return false;
    this.#write([...this.#denials].filter(([known]) => known !== text).map(([, one]) => one));
    this.#denials.delete(text);
    return true;
  }

  /** Calls back after each addition. Returns how to call it off. */
  onAdded(listen: () => void): () => void {
    this.#listeners.add(listen);
    return () => this.#listeners.delete(listen);
  }

  #holds(text: string): boolean {
    const denial = this.#denials.get(text);
    return denial !== undefined && (denial.untilMs === null || denial.untilMs > this.#nowMs());
  }

  #forgetPast(): void {
    for (const text of this.#denials.keys()) if (!this.#holds(text)) this.#denials.delete(text);
  }

  #write(denials: readonly Denial[], ...more: readonly Denial[]): void {
    const denied = [...denials, ...more].map(({ key, sinceMs, untilMs }) => ({
      ...(key.kind === 'subject' ? { subject: key.subject } : { jti: key.tokenId }),
      since: new Date(sinceMs).toISOString(),
      ...(untilMs === null ? {} : { until: new Date(untilMs).toISOString() }),
    }));
    writePrivately(this.#path, `${JSON.stringify({ format: 1, denied }, null, 2)}\n`);
  }
}

function parseDenials(text: string, path: string): Denial[] {
  try {
    const { format, denied } = JSON.parse(text) as { format: unknown; denied: unknown };
    if (format !== 1) throw new Error(`its format is ${String(format)}, this version reads 1`);
    if (!Array.isArray(denied)) throw new Error('it lists no denials');
    return denied.map(denialOf);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw damagedFile(path, reason, 'everybody whom it shut out is let in');
  }
}

function denialOf(value: unknown): Denial {
  const { subject, jti, since, until } = value as Readonly<Record<string, unknown>>;
  const sinceMs = Date.parse(String(since));
  const untilMs = until === undefined ? null : Date.parse(String(until));
  if (Number.isNaN(sinceMs) || Number.isNaN(untilMs)) {
    throw new Error('a denial in it names no times');
  }
  if (typeof subject === 'string') return { key: { kind: 'subject', subject }, sinceMs, untilMs };
  if (typeof jti === 'string') return { key: { kind: 'token', tokenId: jti }, sinceMs, untilMs };
  throw new Error('a denial in it names neither subject nor jti');
}
