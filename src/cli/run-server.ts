import type { LoadedSettings } from '../config/load-settings.ts';
import { type RunningServer, type ServerOptions, startServer } from '../host/server.ts';
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
  const stop = new AbortController();
  const starting = startServer({
    ...options,
    settings: loaded.settings,
    logger,
    stop: stop.signal,
  });
  let running: RunningServer | null = null;
  let isClosing = false;
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (isClosing) {
        logger.warn({ signal }, 'told twice to stop: leaving at once');
        process.exit(1);
      }
      isClosing = true;
      logger.info({ signal }, 'told to stop');
      if (running !== null) close(running, logger).then((code) => process.exit(code));
      else endStart(stop, starting);
    });
  }
  try {
    running = await starting;
    return running;
  } catch (error) {
    // Whatever the failed start could not end must not keep the process alive.
    if (!isClosing) setTimeout(() => process.exit(), undoneMsMax).unref();
    throw error;
  }
}

const undoneMsMax = 5_000;

/**
 * A start can be cut short anywhere, as any crash does; so the process ends when its parts have been
 * ended, or a moment later.
 */
function endStart(stop: AbortController, starting: Promise<RunningServer>): void {
  const leave = () => process.exit(0);
  stop.abort(new Error('told to stop while starting'));
  setTimeout(leave, undoneMsMax);
  starting.then((server) => server.close()).then(leave, leave);
}

async function close(server: RunningServer, logger: Logger): Promise<number> {
  try {
    await server.close();
    return 0;
  } catch (error) {
    logger.fatal({ error }, 'closing failed');
    return 1;
  }
}
