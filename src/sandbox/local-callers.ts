import { isIP } from 'node:net';
import { EngineError } from '../../engine/model/errors.ts';
import type { Exchange } from '../http/exchange.ts';
import { isLoopback } from '../http/loopback.ts';

/**
 * Throws `FORBIDDEN` for a request that a web page elsewhere may have had a browser send. A page can
 * point a name of its own at this machine and then read answers as if they were its own (DNS
 * rebinding): such a request carries that name as its host. Where it calls this machine by its own
 * name, the browser says where the page comes from (`origin`).
 */
export function refuseForeignPages({ request }: Exchange): void {
  const { host = '', origin } = request.headers;
  const isOwn = isOwnHost(hostNameOf(`http://${host}`), request.socket.localAddress ?? '');
  const isOwnOrigin =
    origin === undefined ||
    isLoopback(hostNameOf(origin)) ||
    (URL.canParse(origin) && new URL(origin).host === host);
  if (isOwn && isOwnOrigin) return;
  throw new EngineError(
    'FORBIDDEN',
    'the sandbox gives tokens to this machine only: call it as localhost or 127.0.0.1, and not from a page of another origin',
  );
}

/**
 * On a loopback address, a name of that. Elsewhere (a container, a network that its operator was
 * warned of) an address, or a name without a dot, which no page can own.
 */
function isOwnHost(name: string, localAddress: string): boolean {
  if (isLoopback(name)) return true;
  return !isLoopback(localAddress) && (isIP(name) !== 0 || /^[\w-]+$/.test(name));
}

/** The host of a URL without its port, an IPv6 address without brackets; empty where there is none. */
export function hostNameOf(url: string): string {
  return URL.canParse(url) ? new URL(url).hostname.replace(/^\[|\]$/g, '') : '';
}
