import { createHmac, timingSafeEqual } from 'node:crypto';
import { EngineError } from '../../engine/model/errors.ts';
import type { RotatingSecret } from '../storage/rotating-secret.ts';

/** What signs links: the newest secret, and those whose links work still. */
export type LinkSecrets = Pick<RotatingSecret, 'current' | 'valid'>;

/**
 * Links to exports. Whoever holds one may read the export until it expires: the signature covers
 * title, export and expiry, so none of them can be changed.
 */
export class ExportLinks {
  readonly #secrets: LinkSecrets;
  readonly #title: string;
  readonly #baseUrl: () => string;

  /** `baseUrl`: the URL clients reach the server under, without a slash at its end. */
  constructor(title: string, secrets: LinkSecrets, baseUrl: () => string) {
    this.#title = title;
    this.#secrets = secrets;
    this.#baseUrl = baseUrl;
  }

  url(id: string, expiresAtMs: number): string {
    const expires = String(Math.floor(expiresAtMs / 1000));
    const signature = this.#sign(this.#secrets.current, id, expires).toString('base64url');
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
    // As text: a decoder passes over what is no part of it, and one link would have many forms.
    const given = Buffer.from(signature);
    const isGood = this.#secrets.valid().some((secret) => {
      const expected = Buffer.from(this.#sign(secret, id, expires).toString('base64url'));
      return given.length === expected.length && timingSafeEqual(given, expected);
    });
    if (!isGood) {
      throw new EngineError('FORBIDDEN', 'the signature of this export link is not valid');
    }
    if (Number(expires) * 1000 <= nowMs) {
      throw new EngineError('TOKEN_EXPIRED', 'this export link has expired; create another export');
    }
  }

  #sign(secret: Buffer, id: string, expires: string): Buffer {
    return createHmac('sha256', secret).update(`${this.#title}\n${id}\n${expires}`).digest();
  }
}
