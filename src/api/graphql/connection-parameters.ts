import type { IncomingHttpHeaders } from 'node:http';

/**
 * A header of a WebSocket's client: from the payload of `connection_init`, its object `headers`, or
 * the request that opened the socket, the first that has it. Names are in any case: clients that
 * have no headers of their own put them where their library lets them.
 */
export function connectionHeader(
  name: string,
  parameters: Readonly<Record<string, unknown>> | undefined,
  request: IncomingHttpHeaders,
): unknown {
  const places = [parameters, parameters?.headers, request];
  for (const place of places) {
    if (typeof place !== 'object' || place === null) continue;
    const found = Object.entries(place).find(([key]) => key.toLowerCase() === name);
    if (found !== undefined) return found[1];
  }
  return undefined;
}
