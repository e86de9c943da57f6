import { randomBytes } from 'node:crypto';
import { EngineError } from '../../engine/model/errors.ts';
import { servingLimits } from '../serving-limits.ts';
import { damagedFile, readPrivately, secretFromFile, writePrivately } from './private-file.ts';

interface Older {
  readonly secret: Buffer;
  /** When it holds no longer, in Unix milliseconds. */
  readonly untilMs: number;
}

/**
 * A secret of the server's own that can be replaced while what was made with the one before stays good
 * for a while. Two files that only their owner may read: the secret, and, under its name with
 * `.older`, those before it. The older ones are written first: a crash in between leaves the secret as
 * it was, and a copy of it that says the same.
 */
export class RotatingSecret {
  readonly #path: string;
  readonly #nowMs: () => number;
  #current: Buffer;
  #older: readonly Older[];

  private constructor(path: string, nowMs: () => number) {
    this.#path = path;
    this.#nowMs = nowMs;
    this.#current = secretFromFile(path);
    this.#older = readOlder(olderPath(path));
  }

  /** Makes a secret where there is none. Throws with the path, what is wrong with it, and the mend. */
  static open(path: string, nowMs: () => number = Date.now): RotatingSecret {
    return new RotatingSecret(path, nowMs);
  }

  /** What is made now is made with it. */
  get current(): Buffer {
    return this.#current;
  }

  /** Whatever holds: the one that things are made with first. */
  valid(): readonly Buffer[] {
    if (this.#older.length === 0) return [this.#current];
    return [this.#current, ...this.#holding().map(({ secret }) => secret)];
  }

  /** When each of those before it holds no longer, in Unix milliseconds. */
  get olderUntilMs(): readonly number[] {
    return this.#holding().map(({ untilMs }) => untilMs);
  }

  /**
   * Makes another, on disk when this returns. The one before holds for so long; with 0 neither it nor
   * those before it hold any more. Throws `LIMIT_EXCEEDED` while too many hold.
   */
  rotate(overlapMs: number): void {
    const holding = overlapMs === 0 ? [] : this.#holding();
    const max = servingLimits.secretsOlderMax;
    if (holding.length >= max) {
      throw new EngineError(
        'LIMIT_EXCEEDED',
        `${max} secrets before this one hold still; wait until the first ends, or end them all with an overlap of 0`,
        { details: { limit: 'secretsOlderMax', max } },
      );
    }
    const untilMs = this.#nowMs() + overlapMs;
    const older = overlapMs === 0 ? [] : [{ secret: this.#current, untilMs }, ...holding];
    const next = randomBytes(this.#current.length);
    writePrivately(olderPath(this.#path), textOf(older));
    writePrivately(this.#path, next);
    this.#older = older;
    this.#current = next;
  }

  #holding(): readonly Older[] {
    const nowMs = this.#nowMs();
    return this.#older.filter(({ untilMs }) => untilMs > nowMs);
  }
}

function olderPath(path: string): string {
  return `${path}.older`;
}

function textOf(older: readonly Older[]): string {
  return JSON.stringify(
    older.map(({ secret, untilMs }) => ({ secret: secret.toString('base64url'), untilMs })),
  );
}

function readOlder(path: string): readonly Older[] {
  const content = readPrivately(path);
  if (content === null) return [];
  try {
    return (JSON.parse(String(content)) as unknown[]).map((entry) => {
      const { secret, untilMs } = entry as { readonly secret: string; readonly untilMs: number };
      if (typeof secret !== 'string' || typeof untilMs !== 'number') throw new SyntaxError(path);
      return { secret: Buffer.from(secret, 'base64url'), untilMs };
    });
  } catch {
    const lost = 'what was signed before the last rotation is valid no longer';
    throw damagedFile(path, 'it is no list of secrets', lost);
  }
}
