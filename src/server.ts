import { existsSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { limits } from '../engine/limits.ts';
import type { TitleManifest } from '../engine/manifest/types.ts';
import { openEngine } from '../engine/open-engine.ts';
import type { Lsn } from '../engine/position.ts';
import type { Settings } from './config/settings.ts';
import { ExportLinks } from './exports/export-link.ts';
import { Exports } from './exports/exports.ts';
import { consoleEndpoint } from './http/console-endpoint.ts';
import { isOriginAllowed } from './http/cors.ts';
import {
  healthEndpoint,
  metricsEndpoint,
  type Readiness,
  readinessEndpoint,
} from './http/health.ts';
import { HttpFront, refuseUpgrade, type UpgradeHandler } from './http/http-front.ts';
import { type Handler, type Route, Router, unavailableRoute } from './http/router.ts';
import { Identity } from './identity/identity.ts';
import { packageDirectory } from './package-directory.ts';
import { SandboxIssuer } from './sandbox/issuer.ts';
import type { ServedTitle } from './served-title.ts';
import { secretFromFile } from './storage/private-file.ts';
import { auditLog } from './telemetry/audit-log.ts';
import type { Logger } from './telemetry/logger.ts';
import { Metrics } from './telemetry/metrics.ts';
import { observeEngine } from './telemetry/observed-engine.ts';
import { logRecovery } from './telemetry/recovery-log.ts';

export interface ServerOptions {
  readonly settings: Settings;
  readonly manifest: TitleManifest;
  readonly logger: Logger;
  /** The sandbox has an identity provider of its own, unless the settings name one. */
  readonly mode: 'sandbox' | 'serve';
  /** Cuts a log that is damaged at exactly this record there. */
  readonly truncateAt: Lsn | null;
  /** Serves without rows that the column store has lost. */
  readonly acceptLostRows: boolean;
}

export interface RunningServer {
  /** How this machine reaches it, without a slash at the end. */
  readonly url: string;
  readonly title: string;
  /** Finishes what runs, tells subscribers to go elsewhere, closes the engine. */
  close(): Promise<void>;
}

/** Puts the server together. It reads from top to bottom in the order things come to life. */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const { settings, manifest, logger, mode } = options;
  const title = manifest.title;
  const directory = join(settings.dataDir, 'titles', title);

  const metrics = new Metrics();
  const audit = auditLog(logger);

  const readiness: Readiness = { engine: null, recoveredLsn: null, isDraining: false };
  const operations: Route[] = [
    { ...operation('/healthz'), handle: healthEndpoint(metrics) },
    { ...operation('/readyz'), handle: readinessEndpoint(metrics, readiness) },
    { ...operation('/metrics'), handle: metricsEndpoint(metrics) },
  ];
  const front = await HttpFront.listen({
    host: settings.host,
    port: settings.port,
    corsOrigins: settings.corsOrigins,
    metrics,
    logger,
    routerAtStart: new Router([...operations, unavailableRoute('the server is starting')]),
  });
  const url = `http://${hostForUrl(settings.host)}:${front.port}`;

  const opening = orUndo(
    openEngine({
      manifest,
      directory,
      durability: settings.durability,
      columns: settings.columns,
      canary: settings.canary,
      logRetainBytes: settings.logRetain,
      rowMemoryBytesMax: settings.rowMemory,
      truncateAt: options.truncateAt,
      acceptLostRows: options.acceptLostRows,
      logger,
      observer: {
        ...metrics.engineObserver,
        onCheckpoint: (seconds, error) => {
          metrics.engineObserver.onCheckpoint?.(seconds, error);
          if (error !== null) logger.error({ error }, 'a checkpoint failed; the last one stays');
        },
        onLogDropped: (dropped, error) => {
          metrics.engineObserver.onLogDropped?.(dropped, error);
          if (error !== null) logger.error({ error }, 'old log could not be dropped');
          else logger.info({ dropped }, 'old log was dropped');
        },
        onBroken: (broken) => logger.fatal({ error: broken }, 'canary mode found a bug'),
      },
      onRecovery: (report) => logRecovery(logger, report),
    }),
    () => front.drain(0),
  );
  // GraphQL is loaded while ClickHouse starts in a process of its own: a quarter of a second less
  // until a server that was killed serves again.
  const [opened, { serveTitle }] = await Promise.all([opening, import('./served-title.ts')]);
  const engine = observeEngine(opened, settings.durability.mode, metrics);
  readiness.engine = engine;
  readiness.recoveredLsn = engine.appliedLsn;

  const claims = { role: settings.oidcRoleClaim, title: settings.oidcTitleClaim };
  const sandbox =
    mode === 'sandbox' && settings.oidcIssuer === null
      ? await orUndo(
          SandboxIssuer.open({
            keyFile: join(settings.dataDir, 'sandbox', 'issuer-key.json'),
            baseUrl: () => url,
            audience: settings.oidcAudience,
            claims,
            catalog: engine.catalog,
            metrics,
          }),
          () => Promise.all([front.drain(0), engine.close()]),
        )
      : null;
  if (sandbox !== null && !isLoopback(settings.host)) {
    logger.warn({ host: settings.host }, 'whoever reaches this sandbox gets a token of any role');
  }
  const identity = new Identity({
    issuer: settings.oidcIssuer ?? sandbox?.url ?? '',
    audience: settings.oidcAudience,
    claims,
    onFailure: (reason) => metrics.authFailed(reason),
  });

  const linkSecret = secretFromFile(join(directory, 'exports', 'link-secret'));
  const publicUrl = settings.publicUrl?.replace(/\/+$/, '') ?? url;
  const links = new ExportLinks(title, linkSecret, () => publicUrl);
  const exports = new Exports({
    directory: join(directory, 'exports'),
    links,
    ttlMs: settings.exportTtlSeconds * 1000,
    logger,
  });

  const served = serveTitle({
    engine,
    identity,
    exports,
    links,
    audit,
    metrics,
    logger,
    onDrain: front.onDrain,
  });
  front.serve(
    new Router([
      ...served.routes,
      ...operations,
      ...(sandbox?.routes() ?? []),
      ...consoleRoutes(metrics),
    ]),
    upgradeTo(served, settings.corsOrigins, readiness),
  );
  logger.info({ url, title, position: engine.appliedLsn, mode }, 'serving');

  return {
    url,
    title,
    async close() {
      readiness.isDraining = true;
      logger.info('draining');
      await Promise.all([served.socket.close(), front.drain(settings.drainMs)]);
      exports.close();
      await engine.close();
      logger.info('closed');
    },
  };
}

/** What came to life before a failed step must not keep the process alive. */
async function orUndo<T>(step: Promise<T>, undo: () => Promise<unknown>): Promise<T> {
  try {
    return await step;
  } catch (error) {
    await undo();
    throw error;
  }
}

function operation(path: string): Omit<Route, 'handle'> {
  return { methods: ['GET', 'HEAD'], path, endpoint: 'operations' };
}

function consoleRoutes(metrics: Metrics): Route[] {
  const page = join(packageDirectory(), 'examples', 'live-dashboard', 'page');
  if (!existsSync(page)) return [];
  const route = { methods: ['GET', 'HEAD'], endpoint: 'console' } as const;
  const toConsole: Handler = async ({ response }) => {
    response.writeHead(302, { location: '/console/' }).end();
  };
  return [
    { ...route, path: '/console/*', handle: consoleEndpoint(page, metrics) },
    { ...route, path: '/', handle: toConsole },
  ];
}

/** WebSockets are opened on the same paths as GraphQL over HTTP. */
function upgradeTo(
  served: ServedTitle,
  corsOrigins: readonly string[],
  readiness: Readiness,
): UpgradeHandler {
  return (request, socket, head) => {
    const refusal = upgradeRefusal(request, served, corsOrigins, readiness);
    if (refusal === null) served.acceptSocket(request, socket, head);
    else refuseUpgrade(socket, refusal);
  };
}

function upgradeRefusal(
  request: IncomingMessage,
  served: ServedTitle,
  corsOrigins: readonly string[],
  readiness: Readiness,
): string | null {
  const path = (request.url ?? '').split('?')[0];
  if (path !== `/${served.name}/graphql` && path !== '/graphql') return '404 Not Found';
  if (!isOriginAllowed(request, corsOrigins)) return '403 Forbidden';
  const isFull = served.socket.connections >= limits.webSocketsMax;
  return readiness.isDraining || isFull ? '503 Service Unavailable' : null;
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.');
}

/** An address to listen on as one to connect to. */
function hostForUrl(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  if (host === '::') return '[::1]';
  return host.includes(':') ? `[${host}]` : host;
}
