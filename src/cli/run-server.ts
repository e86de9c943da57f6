import type { LoadedSettings } from '../config/load-settings.ts';
import { type RunningServer, type ServerOptions, startServer } from '../server.ts';
import { createLogger, type Logger } from '../telemetry/logger.ts';
import { fitCollection } from './collection.ts';

/** Starts the server as a process: signals drain it, a bug ends it. */
export async function runServer(
  loaded: LoadedSettings,
  options: Omit<ServerOptions, 'settings' | 'logger'>,
): Promise<RunningServer> {
  fitCollection();
  const logger = createLogger(loaded.settings.logLevel);
  for (const warning of loaded.warnings) logger.warn(warning);
  // Whatever nobody caught is a bug, and the state is unknown: the log has what was acknowledged.
  process.on('uncaughtException', (error) => {
    logger.fatal({ error }, 'uncaught');
    process.exit(1);
  });
  const starting = startServer({ ...options, settings: loaded.settings, logger });
  let isClosing = false;
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (isClosing) {
        logger.warn({ signal }, 'told twice to stop: leaving at once');
        process.exit(1);
      }
      isClosing = true;
      logger.info({ signal }, 'told to stop');
      close(starting, logger).then((code) => process.exit(code));
    });
  }
  return starting;
}

/** Told to stop while it starts, the server starts first: what it recovers must not be cut short. */
async function close(starting: Promise<RunningServer>, logger: Logger): Promise<number> {
  try {
    const server = await starting;
    await server.close();
    return 0;
  } catch (error) {
    logger.fatal({ error }, 'closing failed');
    return 1;
  }
}
