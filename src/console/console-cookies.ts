import type { IncomingHttpHeaders } from 'node:http';
import { servingLimits } from '../serving-limits.ts';

type CookieName = 'session' | 'signIn';

/**
 * The two cookies of the console: who is signed in, and whose sign-in is under way. Scripts read
 * neither. Behind https their names bind them to this very host (`__Host-`), so that no other host of
 * its domain can plant one; on one machine, where hosts share cookies over all ports, to the port.
 */
export class ConsoleCookies {
  readonly #isSecure: boolean;
  readonly #names: Readonly<Record<CookieName, string>>;

  constructor(publicUrl: URL) {
    this.#isSecure = publicUrl.protocol === 'https:';
    const port = publicUrl.port || '80';
    const name = (what: string) =>
      this.#isSecure ? `__Host-tickloom-${what}` : `tickloom-${what}-${port}`;
    this.#names = { session: name('console'), signIn: name('sign-in') };
  }

  /** Null where the request has none. */
  read(which: CookieName, { cookie }: IncomingHttpHeaders): string | null {
    const name = this.#names[which];
    for (const pair of cookie?.split(';') ?? []) {
      const at = pair.indexOf('=');
      if (at > 0 && pair.slice(0, at).trim() === name) return pair.slice(at + 1).trim();
    }
    return null;
  }

  /** What `set-cookie` says. */
  write(which: CookieName, value: string): string {
    const ageMs = which === 'session' ? servingLimits.consoleIdleMs : servingLimits.consoleSignInMs;
    return this.#line(which, value, ageMs / 1000);
  }

  clear(which: CookieName): string {
    return this.#line(which, '', 0);
  }

  #line(which: CookieName, value: string, ageSeconds: number): string {
    // A sign-in comes back from the provider's page, with which no strict cookie goes along.
    const site = which === 'session' ? 'Strict' : 'Lax';
    const parts = [
      `${this.#names[which]}=${value}`,
      'Path=/',
      'HttpOnly',
      `SameSite=${site}`,
      `Max-Age=${ageSeconds}`,
      ...(this.#isSecure ? ['Secure'] : []),
    ];
    return parts.join('; ');
  }
}
