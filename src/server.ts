import { existsSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { openEngine } from '../engine/index.ts';
import { EngineError } from '../engine/model/errors.ts';
import type { Lsn } from '../engine/model/position.ts';
import type { TitleManifest } from '../engine/model/types.ts';
import type { Settings } from './config/settings.ts';
import { ExportLinks } from './exports/export-link.ts';
import { Exports } from './exports/exports.ts';
import { consoleEndpoint } from './http/console-endpoint.ts';
import { isOriginAllowed } from './http/cors.ts';
import { originFormOf } from './http/exchange.ts';
import {
  healthEndpoint,
  metricsEndpoint,
  metricsReaders,
  type Readiness,
  readinessEndpoint,
} from './http/health.ts';
import { HttpFront, refuseUpgrade, type UpgradeHandler } from './http/http-front.ts';
import { isLoopback } from './http/loopback.ts';
import { type Handler, type Route, Router, unavailableRoute } from './http/router.ts';
import { hostForUrl } from './http/server-url.ts';
import { Identity } from './identity/identity.ts';
import { ProviderDiscovery } from './identity/provider.ts';
import { packageDirectory } from './package-directory.ts';
import { SandboxIssuer } from './sandbox/issuer.ts';
import type { ServedTitle } from './served-title.ts';
import { StartedParts } from './started-parts.ts';
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
  /** Ends the start where it is; once the server runs, `close` does. */
  readonly stop?: AbortSignal;
}

export interface RunningServer {
  /** How this machine reaches it, without a slash at the end. */
  readonly url: string;
  readonly metricsUrl: string;
  readonly title: string;
  /** Finishes what runs, tells subscribers to go elsewhere, closes the engine. */
  close(): Promise<void>;
}

/**
 * Puts the server together, or undoes what it did and rejects: a start succeeds whole or leaves
 * nothing alive. It reads from top to bottom in the order things come to life.
 */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const parts = new StartedParts();
  try {
    return await bringUp(options, parts);
  } catch (error) {
    await parts.undo((failure) =>
      options.logger.error({ error: failure }, 'a part of a start that failed could not be ended'),
    );
    throw error;
  }
}

async function bringUp(options: ServerOptions, parts: StartedParts): Promise<RunningServer> {
  const { settings, manifest, logger, mode, stop } = options;
  const title = manifest.title;
  const directory = join(settings.dataDir, 'titles', title);

  const metrics = new Metrics();
  const audit = auditLog(logger);

  const readiness: Readiness = {
    engine: null,
    recoveredLsn: null,
    server: 'starting',
    identityProblem: () => null,
  };
  const health: Route[] = [
    { ...operation('/healthz'), handle: healthEndpoint(metrics) },
    { ...operation('/readyz'), handle: readinessEndpoint(metrics, readiness) },
  ];
  const metricsFor = (answers: (address: string) => boolean): Route => ({
    ...operation('/metrics'),
    handle: metricsEndpoint(metrics, answers),
  });
  const operations =
    settings.metricsPort === null ? [...health, metricsFor(metricsReaders(settings.host))] : health;
  const front = await HttpFront.listen({
    host: settings.host,
    port: settings.port,
    corsOrigins: settings.corsOrigins,
    metrics,
    logger,
    routerAtStart: new Router([...operations, unavailableRoute('the server is starting')]),
  });
  parts.add(() => front.drain(0));
  const metricsFront =
    settings.metricsPort === null
      ? null
      : await HttpFront.listen({
          host: settings.metricsHost,
          port: settings.metricsPort,
          corsOrigins: [],
          metrics,
          logger,
          routerAtStart: new Router([...health, metricsFor(() => true)]),
        });
  parts.add(() => metricsFront?.drain(0));
  const url = `http://${hostForUrl(settings.host)}:${front.port}`;
  const metricsUrl =
    metricsFront === null
      ? `${url}/metrics`
      : `http://${hostForUrl(settings.metricsHost)}:${metricsFront.port}/metrics`;

  const discovery = settings.oidcIssuer === null ? null : watchIssuer(settings.oidcIssuer, logger);
  parts.add(() => discovery?.close());

  // GraphQL is loaded while ClickHouse starts in a process of its own: a quarter of a second less
  // until a server that was killed serves again.
  const loading = import('./served-title.ts');
  loading.catch(() => {});
  const opening = openEngine({
    manifest,
    directory,
    dataDirectory: settings.dataDir,
    durability: settings.durability,
    columns: settings.columns,
    canary: settings.canary,
    logRetainBytes: settings.logRetain,
    rowMemoryBytesMax: settings.rowMemory,
    truncateAt: options.truncateAt,
    acceptLostRows: options.acceptLostRows,
    // Subscribers come back with their cursors: an orderly restart shall not cost them more than a crash.
    checkpointOnClose: false,
    logger,
    proveManifest: async () => (await loading).proveServable(manifest),
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
      log: {
        ...metrics.engineObserver.log,
        onFailure: (error) => logger.fatal({ error }, 'the log stopped: nothing is acknowledged'),
      },
      onBroken: (broken) => logger.fatal({ error: broken }, 'canary mode found a bug'),
    },
    onRecovery: (report) => logRecovery(logger, report),
  });
  const opened = await unlessStopped(opening, stop, (late) => late.close());
  parts.add(() => opened.close());
  const { serveTitle } = await loading;
  const engine = observeEngine(opened, settings.durability.mode, metrics);
  readiness.engine = engine;
  readiness.recoveredLsn = engine.appliedLsn;

  const claims = { role: settings.oidcRoleClaim, title: settings.oidcTitleClaim };
  const sandbox =
    mode === 'sandbox' && settings.oidcIssuer === null
      ? await SandboxIssuer.open({
          keyFile: join(settings.dataDir, 'sandbox', 'issuer-key.json'),
          baseUrl: () => url,
          audience: settings.oidcAudience,
          claims,
          catalog: engine.catalog,
          metrics,
        })
      : null;
  if (sandbox !== null && !isLoopback(settings.host)) {
    logger.warn({ host: settings.host }, 'whoever reaches this sandbox gets a token of any role');
  }
  if (discovery !== null) readiness.identityProblem = () => discovery.problem;
  const identity = new Identity({
    issuer: settings.oidcIssuer ?? sandbox?.url ?? '',
    audience: settings.oidcAudience,
    claims,
    onFailure: (reason) => metrics.authFailed(reason),
    ...(discovery === null ? {} : { discovery }),
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
  parts.add(() => exports.close());

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
  const router = new Router([
    ...served.routes,
    ...operations,
    ...(sandbox?.routes() ?? []),
    ...consoleRoutes(metrics),
  ]);
  stop?.throwIfAborted();
  front.serve(router, upgradeTo(served, settings.corsOrigins, readiness));
  readiness.server = 'serving';
  logger.info({ url, title, position: engine.appliedLsn, mode }, 'serving');

  return {
    url,
    metricsUrl,
    title,
    async close() {
      readiness.server = 'draining';
      logger.info('draining');
      discovery?.close();
      const drained = [front, metricsFront].map((one) => one?.drain(settings.drainMs));
      await Promise.all([served.socket.close(), ...drained]);
      exports.close();
      await engine.close();
      logger.info('closed');
    },
  };
}

/** Rejects as soon as the start is told to stop; what comes of the step after that is ended. */
function unlessStopped<T>(
  step: Promise<T>,
  stop: AbortSignal | undefined,
  end: (late: T) => Promise<void>,
): Promise<T> {
  if (stop === undefined) return step;
  return new Promise((resolve, reject) => {
    const onStop = () => {
      reject(stop.reason);
      step.then(end).catch(() => {});
    };
    if (stop.aborted) return onStop();
    stop.addEventListener('abort', onStop, { once: true });
    step.then(resolve, reject).finally(() => stop.removeEventListener('abort', onStop));
  });
}

/** Tells loudly of an issuer that is down or is another one: nobody is let in until it is found. */
function watchIssuer(issuer: string, logger: Logger): ProviderDiscovery {
  const discovery = new ProviderDiscovery({
    issuer,
    onFailure: (reason, retryMs) =>
      logger.error(
        { issuer, reason, retryMs },
        'the identity provider cannot be used: no token is let in until it can; check --oidc-issuer (TICKLOOM_OIDC_ISSUER)',
      ),
    onFound: () => logger.info({ issuer }, 'the identity provider was found'),
  });
  discovery.watch();
  return discovery;
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
    else refuseUpgrade(request, socket, refusal);
  };
}

function upgradeRefusal(
  request: IncomingMessage,
  served: ServedTitle,
  corsOrigins: readonly string[],
  readiness: Readiness,
): EngineError | null {
  const [path] = originFormOf(request.url ?? '').split('?');
  if (path !== `/${served.name}/graphql` && path !== '/graphql') {
    return new EngineError('NOT_FOUND', `WebSockets are opened on /${served.name}/graphql`);
  }
  if (!isOriginAllowed(request, corsOrigins)) {
    return new EngineError(
      'FORBIDDEN',
      'pages of this origin may not open WebSockets here; name it in --cors-origins',
    );
  }
  if (readiness.server !== 'serving') {
    return new EngineError('UNAVAILABLE', 'the server is stopping', { retryAfterMs: 1_000 });
  }
  return served.socket.refusal(request.socket.remoteAddress ?? '');
}
