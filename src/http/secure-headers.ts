import type { ServerResponse } from 'node:http';

/**
 * What every answer tells browsers, unless its own headers say otherwise: it is data, not a page, of
 * which nothing may be kept, framed, guessed at or told to the next site.
 */
const always: Readonly<Record<string, string>> = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};

/** The headers that all answers of one server have. */
export class SecureHeaders {
  readonly #headers: readonly (readonly [string, string])[];

  /** `hstsSeconds`: how long browsers shall come by HTTPS alone; null where nothing says that they can. */
  constructor(hstsSeconds: number | null) {
    const hsts =
      hstsSeconds === null ? {} : { 'strict-transport-security': `max-age=${hstsSeconds}` };
    this.#headers = Object.entries({ ...always, ...hsts });
  }

  apply(response: ServerResponse): void {
    for (const [name, value] of this.#headers) response.setHeader(name, value);
  }

  /** Lines of a head that is written without a response. */
  lines(): string[] {
    return this.#headers.map(([name, value]) => `${name}: ${value}`);
  }
}
