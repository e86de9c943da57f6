import type { IncomingHttpHeaders } from 'node:http';

/**
 * Whether a browser says that a page of this very origin sends the request. Pages can set neither
 * header themselves. A cookie goes along with requests of other pages of the same site, of which every
 * port of a machine is part; what is done by a cookie is therefore done for such a request alone, and
 * one of which nothing is said does not count.
 */
export function isOfOwnPage(headers: IncomingHttpHeaders, origin: string): boolean {
  const { origin: from, 'sec-fetch-site': site } = headers;
  if (from !== undefined && from !== origin) return false;
  if (site !== undefined && site !== 'same-origin') return false;
  return from !== undefined || site !== undefined;
}
