import { type ColumnMasks, type Engine, OneByOne, serializeManifest } from '../../engine/index.ts';
import { Catalog } from '../../engine/model/catalog.ts';
import type { TitleManifest } from '../../engine/model/types.ts';
import { FinishedWork, type SlowThresholds } from '../../resolvers/insight/finished-work.ts';
import { LiveSubscriptions } from '../../resolvers/live-subscriptions.ts';
import { buildSchema } from '../../schema/build-schema.ts';
import { commitEndpoint } from '../api/commit-endpoint.ts';
import { describe, descriptionEndpoint } from '../api/description-endpoints.ts';
import { exportEndpoint } from '../api/export-endpoint.ts';
import { Answers } from '../api/graphql/answer.ts';
import { Executor } from '../api/graphql/executor.ts';
import { FrameTexts } from '../api/graphql/frame-texts.ts';
import { graphqlEndpoint } from '../api/graphql/graphql-endpoint.ts';
import { GraphqlSocket } from '../api/graphql/graphql-socket.ts';
import { RoleSchemas } from '../api/graphql/role-schemas.ts';
import type { SocketPlaces } from '../api/graphql/socket-places.ts';
import { createTitleYoga } from '../api/graphql/yoga.ts';
import { ServedManifest } from '../api/served-manifest.ts';
import type { TitleAudit } from '../audit/title-audit.ts';
import type { ExportLinks } from '../exports/export-link.ts';
import type { Exports } from '../exports/exports.ts';
import type { Handler } from '../http/route.ts';
import type { Identity } from '../identity/identity.ts';
import { TitleIdentity } from '../identity/title-identity.ts';
import type { TitleLimits } from '../limits/title-limits.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { ObservedQueries } from '../telemetry/observed-queries.ts';
import { SlowLog } from '../telemetry/slow-log.ts';
import type { Tracing } from '../telemetry/tracing.ts';
import type { RunningRequests } from './running-requests.ts';

export interface ServedTitleOptions {
  readonly engine: Engine;
  readonly identity: Identity;
  readonly exports: Exports;
  readonly masks: ColumnMasks;
  readonly links: ExportLinks;
  readonly audit: TitleAudit;
  readonly use: TitleLimits;
  readonly metrics: Metrics;
  readonly logger: Logger;
  readonly requests: RunningRequests;
  readonly places: SocketPlaces;
  readonly slowMs: SlowThresholds;
  readonly rowMemoryBytesMax: number;
  readonly tracing: Tracing | null;
}

/** What a title answers over HTTP. */
export type TitleEndpoint = 'graphql' | 'commit' | 'export' | 'schema' | 'manifest';

export interface ServedTitle {
  readonly endpoints: Readonly<Record<TitleEndpoint, Handler>>;
  readonly socket: GraphqlSocket;
}

/** Throws where no API can be made of the manifest. */
export function proveServable(manifest: TitleManifest): void {
  buildSchema(new Catalog(manifest));
}

/** One title as the outside sees it: its GraphQL over every transport, commits, exports, schema. */
export function serveTitle(options: ServedTitleOptions): ServedTitle {
  const { engine, exports, masks, links, audit, use, metrics, logger, tracing } = options;
  const { catalog } = engine;
  const identity = new TitleIdentity(options.identity, catalog);
  const running = new ObservedQueries(metrics);
  const subscriptions = new LiveSubscriptions(({ transport }) =>
    metrics.subscriptionsKilled.inc({ transport }),
  );
  const work = new FinishedWork(options.slowMs, new SlowLog(logger, metrics).tell);
  const health = () => metrics.health.read(engine, audit.log, options.rowMemoryBytesMax);
  const services = {
    engine,
    exports,
    masks,
    audit,
    use,
    running,
    subscriptions,
    work,
    health,
    tracing,
  };
  const schema = buildSchema(catalog);
  const answers = new Answers(metrics, logger);
  const executor = new Executor(schema);
  const roles = new RoleSchemas(schema, catalog);
  const long = new OneByOne(engine.turns, `answers to frames of ${catalog.manifest.title}`);
  const yoga = createTitleYoga(schema, { executor, roles, answers, texts: new FrameTexts(long) });
  const manifest = new ServedManifest(catalog.manifest);
  const described = describe(serializeManifest(catalog.manifest));
  const description = { audit, use, metrics, identity };
  return {
    endpoints: {
      graphql: graphqlEndpoint({
        yoga,
        manifest,
        services,
        metrics,
        identity,
        onDrain: options.requests.onDrain,
      }),
      commit: commitEndpoint({ engine, manifest, audit, use, metrics, identity, work, tracing }),
      export: exportEndpoint({ engine, exports, links, audit, use, metrics, logger }),
      schema: descriptionEndpoint({
        ...description,
        contentType: 'application/graphql; charset=utf-8',
        contentOf: (role) => roles.of(role).printed,
      }),
      manifest: descriptionEndpoint({
        ...description,
        contentType: 'application/json; charset=utf-8',
        contentOf: () => described,
      }),
    },
    socket: new GraphqlSocket({
      yoga,
      roles,
      manifest,
      services,
      answers,
      metrics,
      logger,
      identity,
      places: options.places,
    }),
  };
}
