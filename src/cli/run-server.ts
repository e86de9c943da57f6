import type { LoadedSettings } from '../config/load-settings.ts';
import { type RunningServer, type ServerOptions, startServer } from '../server.ts';
import { createLogger } from '../telemetry/logger.ts';

/** Starts the server as a process: signals drain it, a bug ends it. */
export async function runServer(
  loaded: LoadedSettings,
  options: Pick<ServerOptions, 'manifest' | 'mode' | 'truncateAt'>,
): Promise<RunningServer> {
  const logger = createLogger(loaded.settings.logLevel);
  for (const warning of loaded.warnings) logger.warn(warning);
  // Whatever nobody caught is a bug, and the state is unknown: the log has what was acknowledged.
  process.on('uncaughtException', (error) => {
    logger.fatal({ error }, 'uncaught');
    process.exit(1);
  });
  const server = await startServer({ ...options, settings: loaded.settings, logger });
  let isClosing = false;
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (isClosing) {
        logger.warn({ signal }, 'told twice to stop: leaving at once');
        process.exit(1);
      }
      isClosing = true;
      logger.info({ signal }, 'told to stop');
      server.close().then(
        () => process.exit(0),
        (error: unknown) => {
          logger.fatal({ error }, 'closing failed');
          process.exit(1);
        },
      );
    });
  }
  return server;
}
