import { createHmac, timingSafeEqual } from 'node:crypto';
import { EngineError } from '../../engine/model/errors.ts';

/**
 * Links to exports. Whoever holds one may read the export until it expires: the signature covers
 * title, export and expiry, so none of them can be changed.
 */
export class ExportLinks {
  readonly #secret: Buffer;
  readonly #title: string;
  readonly #baseUrl: () => string;

  /** `baseUrl`: the URL clients reach the server under, without a slash at its end. */
  constructor(title: string, secret: Buffer, baseUrl: () => string) {
    this.#title = title;
    this.#secret = secret;
    this.#baseUrl = baseUrl;
  }

  url(id: string, expiresAtMs: number): string {
    const expires = String(Math.floor(expiresAtMs / 1000));
    const signature = this.#sign(id, expires).toString('base64url');
    return `${this.#baseUrl()}/${this.#title}/exports/${id}?expires=${expires}&signature=${signature}`;
  }

  /** Throws `UNAUTHENTICATED` without a signature, `FORBIDDEN` with a wrong one, `TOKEN_EXPIRED`. */
  check(id: string, query: URLSearchParams, nowMs: number): void {
    const expires = query.get('expires');
    const signature = query.get('signature');
    if (expires === null || signature === null) {
      throw new EngineError(
        'UNAUTHENTICATED',
        'an export link needs its "expires" and "signature"',
      );
    }
    const given = Buffer.from(signature, 'base64url');
    const expected = this.#sign(id, expires);
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
      throw new EngineError('FORBIDDEN', 'the signature of this export link is not valid');
    }
    if (Number(expires) * 1000 <= nowMs) {
      throw new EngineError('TOKEN_EXPIRED', 'this export link has expired; create another export');
    }
  }

  #sign(id: string, expires: string): Buffer {
    return createHmac('sha256', this.#secret).update(`${this.#title}\n${id}\n${expires}`).digest();
  }
}
