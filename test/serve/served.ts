import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { loadSettings } from '../../src/config/load-settings.ts';
import { type RunningServer, startServer } from '../../src/host/server.ts';
import { ashfall } from '../../src/sandbox/ashfall.ts';
import { createLogger, type Logger } from '../../src/telemetry/logger.ts';
import { type Answer, answerOf } from './sandbox.ts';

/** `tickloom serve` of the reference title in this process, with these settings, until the test ends. */
export async function serveTitle(
  flags: Readonly<Record<string, string>>,
  more: {
    readonly environment?: Readonly<Record<string, string>>;
    readonly configFile?: string;
    readonly logger?: Logger;
    /** Is given how the server ends; the end of the test unless told otherwise. */
    readonly until?: (end: () => Promise<void>) => void;
  } = {},
): Promise<RunningServer> {
  const directory = mkdtempSync(join(tmpdir(), 'tickloom-serve-'));
  const { settings } = loadSettings({
    flags: { port: '0', dataDir: directory, ...flags },
    environment: more.environment ?? {},
    configFile: more.configFile ?? null,
  });
  const server = await startServer({
    settings,
    manifests: [ashfall],
    logger: more.logger ?? createLogger('silent'),
    mode: 'serve',
    truncateAt: null,
    acceptLostRows: false,
  });
  const until = more.until ?? onTestFinished;
  until(async () => {
    await server.close();
    rmSync(directory, { recursive: true, force: true });
  });
  return server;
}

export async function askAs(
  server: Pick<RunningServer, 'url'>,
  token: string,
  query = '{ __typename }',
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const address = `${server.url}/ashfall/graphql?query=${encodeURIComponent(query)}`;
  return answerOf(
    await fetch(address, { headers: { authorization: `Bearer ${token}`, ...headers } }),
  );
}
