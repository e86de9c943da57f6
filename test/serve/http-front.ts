import { onTestFinished } from 'vitest';
import { HttpFront } from '../../src/host/http-front.ts';
import { Router } from '../../src/host/router.ts';
import type { Route } from '../../src/http/route.ts';
import { SecureHeaders } from '../../src/http/secure-headers.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import type { Metrics } from '../../src/telemetry/metrics.ts';

/** A real HTTP server with just these routes. */
export async function serveRoutes(
  metrics: Metrics,
  routes: readonly Route[],
  elsewhere: string | null = null,
): Promise<{ readonly url: string; readonly front: HttpFront }> {
  const front = await HttpFront.listen({
    address: { host: '127.0.0.1', port: 0 },
    corsOrigins: [],
    secure: new SecureHeaders(null),
    metrics,
    logger: createLogger('silent'),
    routerAtStart: new Router(routes, elsewhere),
  });
  onTestFinished(() => front.drain(0));
  return { url: `http://127.0.0.1:${front.port}`, front };
}
