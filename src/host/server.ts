import { existsSync } from 'node:fs';
import { join } from 'node:path';
import {
  type Catalog,
  ColumnsHost,
  EngineError,
  Lifetime,
  makeDirectories,
} from '../../engine/index.ts';
import type { TitleManifest } from '../../engine/model/types.ts';
import { SocketPlaces } from '../api/graphql/socket-places.ts';
import { operatorRecord } from '../audit/title-audit.ts';
import { trustedIssuers } from '../config/issuers.ts';
import type { Settings } from '../config/settings.ts';
import { consoleSignInRoutes } from '../console/console-routes.ts';
import { openConsole } from '../console/open-console.ts';
import { isLoopback } from '../http/loopback.ts';
import type { Handler, Route } from '../http/route.ts';
import { SecureHeaders } from '../http/secure-headers.ts';
import { hostForUrl } from '../http/server-url.ts';
import { DenyList } from '../identity/deny-list.ts';
import { Identity } from '../identity/identity.ts';
import { titlesOf } from '../identity/principal.ts';
import { ProviderDiscovery } from '../identity/provider.ts';
import { tokenControl } from '../identity/token-control.ts';
import type { FindableIssuer } from '../identity/token-verifier.ts';
import type { TrustedIssuer } from '../identity/trusted-issuer.ts';
import { packageDirectory } from '../package-directory.ts';
import { SandboxIssuer } from '../sandbox/issuer.ts';
import { type SecretHolder, secretControl } from '../storage/secret-control.ts';
import type { Logger } from '../telemetry/logger.ts';
import { Metrics } from '../telemetry/metrics.ts';
import { Tracing } from '../telemetry/tracing.ts';
import type { Mends } from '../titles/open-title.ts';
import { titleControl } from '../titles/title-control.ts';
import { TitleKeeper } from '../titles/title-keeper.ts';
import { TitleRegistry } from '../titles/title-registry.ts';
import { consoleEndpoint } from './console-endpoint.ts';
import { listenForOperator } from './control-socket.ts';
import { healthEndpoint, metricsEndpoint, metricsReaders, readinessEndpoint } from './health.ts';
import { HttpFront } from './http-front.ts';
import { Readiness } from './readiness.ts';
import { Router } from './router.ts';
import { titleRoutes } from './title-routes.ts';
import { upgradesTo } from './upgrades.ts';

export interface ServerOptions extends Mends {
  readonly settings: Settings;
  /** A title each: those that the data directory has not got yet are made. */
  readonly manifests: readonly TitleManifest[];
  /** Titles that are made besides where the data directory has no title at all. */
  readonly manifestsAtFirst?: readonly TitleManifest[];
  readonly logger: Logger;
  /** The sandbox has an identity provider of its own, unless the settings name one. */
  readonly mode: 'sandbox' | 'serve';
  /** Ends the start where it is; once the server runs, `close` does. */
  readonly stop?: AbortSignal;
}

export interface RunningServer {
  /** How this machine reaches it, without a slash at the end. */
  readonly url: string;
  readonly metricsUrl: string;
  /** What keeps ClickHouse's process from the server's files, for people; null for a remote one. */
  readonly columnsIsolation: string | null;
  /** The titles that are open; others may be opened, and these closed. */
  readonly titles: TitleRegistry;
  /** Finishes what runs, tells subscribers to go elsewhere, closes the titles. */
  close(): Promise<void>;
}

/**
 * Puts the server together, or undoes what it did and rejects: a start succeeds whole or leaves
 * nothing alive.
 */
export function startServer(options: ServerOptions): Promise<RunningServer> {
  const onError = (error: unknown) =>
    options.logger.error({ error }, 'a part of a start that failed could not be ended');
  return Lifetime.of((lifetime) => bringUp(options, lifetime), onError);
}

/** Brings the parts of a server to life, in the order in which they stand here. */
async function bringUp(options: ServerOptions, lifetime: Lifetime): Promise<RunningServer> {
  const { settings, logger, mode, stop } = options;
  const metrics = new Metrics();
  const readiness = new Readiness(() => titles?.conditions() ?? []);
  /** Asked by what answers earlier than the titles can be opened. */
  let titles: TitleRegistry | null = null;

  const front = await listen(options, metrics, readiness);
  lifetime.add(() => front.http.drain(0));
  const metricsFront = await listenForMetrics(options, metrics, readiness);
  lifetime.add(() => metricsFront?.http.drain(0));
  const { url } = front;
  const metricsUrl = `${(metricsFront ?? front).url}/metrics`;

  await makeDirectories(settings.dataDir);
  const issuers = trustedIssuers(settings).map((trusted) => watchIssuer(trusted, logger, lifetime));
  readiness.identityProblem = () => problemOfAll(issuers);
  const sandbox =
    mode === 'sandbox' && settings.oidcIssuer === null
      ? await SandboxIssuer.open({
          keyFile: join(settings.dataDir, 'sandbox', 'issuer-key.json'),
          baseUrl: () => url,
          audience: settings.oidcAudience,
          claims: { role: settings.oidcRoleClaim, title: settings.oidcTitleClaim },
          catalogOf: (title) => catalogOf(titles, title),
          catalogs: () => catalogsOf(titles),
          metrics,
        })
      : null;
  if (sandbox !== null && !isLoopback(settings.host)) {
    logger.warn({ host: settings.host }, 'whoever reaches this sandbox gets a token of any role');
  }
  const denials = DenyList.open(settings.dataDir);
  const identity = new Identity({
    issuers: sandbox === null ? issuers : [ownIssuer(settings, sandbox.url)],
    denials,
    onFailure: (reason) => metrics.registry.authFailed(reason),
  });

  const publicUrl = settings.publicUrl?.replace(/\/+$/, '') ?? url;
  const signIn = openConsole(
    { settings, issuers, denials, identity, publicUrl, metrics, logger },
    lifetime,
  );

  const columns = ColumnsHost.open({
    target: settings.columns,
    directory: join(settings.dataDir, 'columns'),
    dataDirectory: settings.dataDir,
    isolation: settings.columnsIsolation,
    logger,
  });
  columns.then((host) => metrics.registry.watchColumns(host)).catch(() => {});
  lifetime.add(async () => (await columns.catch(() => null))?.close());
  const registry = new TitleRegistry({
    settings,
    logger,
    metrics: metrics.registry,
    identity,
    pages: signIn?.sessions ?? null,
    columns,
    tracing: await openTracing(options, metrics, lifetime),
    places: new SocketPlaces(),
    publicUrl: () => publicUrl,
  });
  titles = registry;
  lifetime.add(() => registry.closeAll());
  const { dataDir } = settings;
  const keeper = await TitleKeeper.open({ dataDir, registry, columns, logger });
  lifetime.add(() => keeper.close());
  const { manifests, manifestsAtFirst = [], truncateAt, acceptLostRows } = options;
  const given = keeper.isEmpty ? [...manifests, ...manifestsAtFirst] : manifests;
  await unlessStopped(keeper.openAll(given, { truncateAt, acceptLostRows }), stop);
  const { isolation: columnsIsolation } = await columns;
  const routes = [
    ...titleControl(keeper, metrics),
    ...tokenControl(denials, metrics, logger),
    ...secretControl(() => secretHolders(registry, logger), metrics),
  ];
  await listenForOperator({ dataDir, routes, metrics, logger }, lifetime);

  const router = new Router([
    ...titleRoutes(registry),
    ...front.operations,
    ...(sandbox?.routes() ?? []),
    ...consoleSignInRoutes({
      signIn,
      titlesOf: ({ current: { token } }) => titlesOf(token, catalogsOf(registry)),
      metrics,
      logger,
    }),
    ...consoleRoutes(metrics),
  ]);
  front.http.serve(router, upgradesTo(registry, settings.corsOrigins, front.secure, readiness));
  readiness.server = 'serving';
  logger.info({ url, titles: registry.names(), mode }, 'serving');

  return {
    url,
    metricsUrl,
    columnsIsolation,
    titles: registry,
    async close() {
      readiness.server = 'draining';
      logger.info('draining');
      const fronts = [front, metricsFront].map((one) => one?.http.drain(settings.drainMs));
      await Promise.all([registry.leaveSubscribers(), ...fronts]);
      await lifetime.endOrThrow();
      logger.info('closed');
    },
  };
}

/** Whose secrets an operator may rotate. */
function secretHolders(titles: TitleRegistry, logger: Logger): SecretHolder[] {
  return titles.manifests().map(({ title: name }) => {
    const { audit, secrets } = titles.get(name);
    return {
      title: name,
      secrets: { ...secrets },
      rotated: (report) => {
        logger.info({ secret: report }, 'an operator rotated a secret');
        const { name: of, olderUntil } = report;
        audit.log.record(operatorRecord('secret.rotate', { name: of, olderUntil }));
      },
    };
  });
}

/** Traces go where `--otlp` says, or to what a module of the operator's has registered. */
async function openTracing(
  { settings, logger }: ServerOptions,
  { registry }: Metrics,
  lifetime: Lifetime,
): Promise<Tracing | null> {
  const { otlp, otlpSample } = settings;
  if (otlp !== null) {
    const { openOtlp } = await import('../telemetry/otlp.ts');
    const onDropped = (spans: number) => registry.spansDropped.inc(spans);
    const close = await openOtlp({ url: otlp, sample: otlpSample, logger, onDropped });
    lifetime.add(close);
    logger.info({ otlp: new URL(otlp).host, otlpSample }, 'traces are sent to a collector');
  }
  return Tracing.ofProcess();
}

/** The catalog of the title of this name, or of the only one. Throws `UNKNOWN_TITLE` and `UNAVAILABLE`. */
function catalogOf(titles: TitleRegistry | null, title: string | undefined): Catalog {
  if (titles === null) throw new EngineError('UNAVAILABLE', 'the server is starting');
  return (title === undefined ? titles.only() : titles.get(title)).engine.catalog;
}

/** The catalogs of all titles that are open. */
function catalogsOf(titles: TitleRegistry | null): Catalog[] {
  return titles?.conditions().flatMap(({ engine }) => engine?.catalog ?? []) ?? [];
}

interface Listening {
  readonly http: HttpFront;
  /** Answered from now on, whatever else is not there yet. */
  readonly operations: readonly Route[];
  readonly url: string;
  readonly secure: SecureHeaders;
}

/** Where users are served. Until all is there, what operators ask is answered. */
async function listen(
  { settings, logger }: ServerOptions,
  metrics: Metrics,
  readiness: Readiness,
): Promise<Listening> {
  const { host, port, corsOrigins } = settings;
  const secure = new SecureHeaders(settings.hstsSeconds);
  const health = healthRoutes(metrics, readiness);
  const operations =
    settings.metricsPort === null
      ? [...health, metricsRoute(metrics, metricsReaders(host))]
      : health;
  const routerAtStart = new Router(operations, 'the server is starting');
  const http = await HttpFront.listen({
    address: { host, port },
    corsOrigins,
    secure,
    metrics,
    logger,
    routerAtStart,
  });
  return { http, operations, url: `http://${hostForUrl(host)}:${http.port}`, secure };
}

/** An address of their own for operators, where the settings name one. */
async function listenForMetrics(
  { settings, logger }: ServerOptions,
  metrics: Metrics,
  readiness: Readiness,
): Promise<Listening | null> {
  const { metricsHost: host, metricsPort: port } = settings;
  if (port === null) return null;
  const secure = new SecureHeaders(null);
  const operations = [...healthRoutes(metrics, readiness), metricsRoute(metrics, () => true)];
  const routerAtStart = new Router(operations);
  const http = await HttpFront.listen({
    address: { host, port },
    corsOrigins: [],
    secure,
    metrics,
    logger,
    routerAtStart,
  });
  return { http, operations, url: `http://${hostForUrl(host)}:${http.port}`, secure };
}

function healthRoutes(metrics: Metrics, readiness: Readiness): Route[] {
  return [
    { ...operation('/healthz'), handle: healthEndpoint(metrics) },
    { ...operation('/readyz'), handle: readinessEndpoint(metrics, readiness) },
  ];
}

function metricsRoute(metrics: Metrics, answers: (address: string) => boolean): Route {
  return { ...operation('/metrics'), handle: metricsEndpoint(metrics, answers) };
}

function operation(path: string): Omit<Route, 'handle'> {
  return { methods: ['GET', 'HEAD'], path, endpoint: 'operations' };
}

/** Rejects as soon as the start is told to stop. */
function unlessStopped(step: Promise<void>, stop: AbortSignal | undefined): Promise<void> {
  if (stop === undefined) return step;
  return new Promise((resolve, reject) => {
    const onStop = () => reject(stop.reason);
    if (stop.aborted) onStop();
    else stop.addEventListener('abort', onStop, { once: true });
    step.then(resolve, reject).finally(() => stop.removeEventListener('abort', onStop));
  });
}

/** Tells loudly of an issuer that is down or is another one: nobody is let in until it is found. */
function watchIssuer(
  trusted: TrustedIssuer,
  logger: Logger,
  lifetime: Lifetime,
): FindableIssuer & { readonly discovery: ProviderDiscovery } {
  const { issuer } = trusted;
  const discovery = new ProviderDiscovery({
    trusted,
    onFailure: (reason, retryMs) =>
      logger.error(
        { issuer, reason, retryMs },
        'the identity provider cannot be used: no token is let in until it can; check --oidc-issuer (TICKLOOM_OIDC_ISSUER)',
      ),
    onFound: () => logger.info({ issuer }, 'the identity provider was found'),
  });
  discovery.watch();
  lifetime.add(() => discovery.close());
  return { trusted, discovery };
}

/** Why nobody is let in; null where the tokens of one issuer at least can be verified. */
function problemOfAll(
  issuers: readonly { readonly discovery: ProviderDiscovery }[],
): string | null {
  const problems = issuers.map(({ discovery }) => discovery.problem);
  return problems.every((problem) => problem !== null) ? (problems[0] ?? null) : null;
}

/** The sandbox's, which is asked only when a token comes: it is this very server. */
function ownIssuer(settings: Settings, url: string): FindableIssuer {
  const [trusted] = trustedIssuers({ ...settings, oidcIssuer: url });
  if (trusted === undefined) throw new RangeError('the sandbox has an issuer');
  return { trusted, discovery: new ProviderDiscovery({ trusted }) };
}

function consoleRoutes(metrics: Metrics): Route[] {
  const page = join(packageDirectory(), 'examples', 'live-dashboard', 'page');
  if (!existsSync(page)) return [];
  const route = { methods: ['GET', 'HEAD'], endpoint: 'console' } as const;
  const handle = consoleEndpoint(page, metrics);
  const toConsole: Handler = async ({ response }) => {
    response.writeHead(302, { location: '/console/' }).end();
  };
  return [
    { ...route, path: '/console', handle },
    { ...route, path: '/console/*', handle },
    { ...route, path: '/', handle: toConsole },
  ];
}
