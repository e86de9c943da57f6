import { rmSync } from 'node:fs';
import { type Lifetime, lockDirectory } from '../../engine/index.ts';
import type { Route } from '../http/route.ts';
import { SecureHeaders } from '../http/secure-headers.ts';
import { controlFolder, controlSocketIn, makeControlFolder } from '../storage/control-path.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { HttpFront } from './http-front.ts';
import { Router } from './router.ts';

export interface ControlSocketOptions {
  readonly dataDir: string;
  readonly routes: readonly Route[];
  readonly metrics: Metrics;
  readonly logger: Logger;
}

/**
 * Listens for the operator at a socket in the data directory, which only the server's own user can
 * open. What may be asked there needs no token: whoever opens it can read the data as well.
 */
export async function listenForOperator(
  options: ControlSocketOptions,
  lifetime: Lifetime,
): Promise<void> {
  const { dataDir, routes, metrics, logger } = options;
  const folder = controlFolder(dataDir);
  makeControlFolder(folder);
  const lock = await lockDirectory(folder);
  lifetime.add(() => lock.release());
  const socketPath = controlSocketIn(folder);
  // Nobody listens there, as nobody holds the folder: a server that was killed left it.
  rmSync(socketPath, { force: true });
  const router = new Router(routes);
  const front = await HttpFront.listen({
    address: { socketPath },
    corsOrigins: [],
    secure: new SecureHeaders(null),
    metrics,
    logger,
    routerAtStart: router,
  });
  lifetime.add(() => front.drain(0));
}
