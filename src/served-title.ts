import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { printSchema } from 'graphql';
import type { Engine } from '../engine/index.ts';
import { serializeManifest } from '../engine/index.ts';
import { Catalog } from '../engine/model/catalog.ts';
import { EngineError } from '../engine/model/errors.ts';
import type { TitleManifest } from '../engine/model/types.ts';
import type { AuditPort } from '../resolvers/context.ts';
import { buildSchema } from '../schema/build-schema.ts';
import { exportEndpoint } from './exports/export-endpoint.ts';
import type { ExportLinks } from './exports/export-link.ts';
import type { Exports } from './exports/exports.ts';
import { Answers } from './graphql/answer.ts';
import { Executor } from './graphql/executor.ts';
import { graphqlEndpoint } from './graphql/graphql-endpoint.ts';
import { GraphqlSocket } from './graphql/graphql-socket.ts';
import { createTitleYoga } from './graphql/yoga.ts';
import { commitEndpoint } from './http/commit-endpoint.ts';
import { descriptionEndpoint } from './http/description-endpoints.ts';
import type { HttpFront } from './http/http-front.ts';
import type { Handler, Route } from './http/router.ts';
import type { Identity } from './identity/identity.ts';
import type { Logger } from './telemetry/logger.ts';
import type { Metrics } from './telemetry/metrics.ts';
import { ObservedQueries } from './telemetry/observed-queries.ts';

export interface ServedTitleOptions {
  readonly engine: Engine;
  readonly identity: Identity;
  readonly exports: Exports;
  readonly links: ExportLinks;
  readonly audit: AuditPort;
  readonly metrics: Metrics;
  readonly logger: Logger;
  readonly onDrain: HttpFront['onDrain'];
}

export interface ServedTitle {
  readonly name: string;
  readonly routes: readonly Route[];
  readonly socket: GraphqlSocket;
  acceptSocket(request: IncomingMessage, socket: Duplex, head: Buffer): void;
}

/** Throws where no API can be made of the manifest. */
export function proveServable(manifest: TitleManifest): void {
  buildSchema(new Catalog(manifest));
}

/** One title as the outside sees it: its GraphQL over every transport, commits, exports, schema. */
export function serveTitle(options: ServedTitleOptions): ServedTitle {
  const { engine, identity, exports, links, audit, metrics, logger } = options;
  const { catalog } = engine;
  const name = catalog.manifest.title;
  const authenticate = (authorization: unknown) => identity.principal(authorization, catalog);
  const services = { engine, exports, audit, running: new ObservedQueries(metrics) };
  const schema = buildSchema(catalog);
  const answers = new Answers(metrics, logger);
  const executor = new Executor(schema);
  const yoga = createTitleYoga(schema, executor, answers);
  const graphql = graphqlEndpoint({
    yoga,
    services,
    metrics,
    authenticate,
    onDrain: options.onDrain,
  });
  const socket = new GraphqlSocket({ yoga, services, answers, metrics, logger, authenticate });
  const ofTitle = (handle: Handler): Handler => onlyTitle(name, handle);
  /** What generators read, under the title's path and, where it is the only one, without. */
  const readable = (file: string, contentType: string, content: string): Route[] => {
    const handle = descriptionEndpoint({ audit, metrics, authenticate, contentType, content });
    const route = { methods: ['GET', 'HEAD'], endpoint: 'manifest' } as const;
    return [
      { ...route, path: `/{title}/${file}`, handle: ofTitle(handle) },
      { ...route, path: `/${file}`, handle },
    ];
  };
  return {
    name,
    socket,
    acceptSocket: (request, duplex, head) => socket.accept(request, duplex, head),
    routes: [
      {
        methods: ['POST', 'GET'],
        path: '/{title}/graphql',
        endpoint: 'graphql',
        handle: ofTitle(graphql),
      },
      { methods: ['POST', 'GET'], path: '/graphql', endpoint: 'graphql', handle: graphql },
      {
        methods: ['POST'],
        path: '/{title}/sessions/{sessionId}/ticks/{tick}',
        endpoint: 'commit',
        handle: ofTitle(commitEndpoint({ engine, audit, metrics, authenticate })),
      },
      {
        methods: ['GET', 'HEAD'],
        path: '/{title}/exports/{id}',
        endpoint: 'export',
        handle: ofTitle(exportEndpoint({ engine, exports, links, metrics, logger })),
      },
      ...readable('schema.graphql', 'application/graphql; charset=utf-8', printSchema(schema)),
      ...readable(
        'manifest.json',
        'application/json; charset=utf-8',
        serializeManifest(catalog.manifest),
      ),
    ],
  };
}

function onlyTitle(name: string, handle: Handler): Handler {
  return async (exchange, parameters) => {
    if (parameters.title !== name) {
      throw new EngineError(
        'UNKNOWN_TITLE',
        `there is no title "${parameters.title}" here; this server serves "${name}"`,
      );
    }
    return handle(exchange, parameters);
  };
}
