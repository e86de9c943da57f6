import type { Route } from '../http/route.ts';
import type { TitleEndpoint } from '../titles/served-title.ts';
import type { TitleRegistry } from '../titles/title-registry.ts';

interface TitlePath extends Pick<Route, 'methods' | 'path' | 'endpoint'> {
  readonly answeredBy: TitleEndpoint;
}

const titlePaths: readonly TitlePath[] = [
  {
    methods: ['POST', 'GET'],
    path: '/{title}/graphql',
    endpoint: 'graphql',
    answeredBy: 'graphql',
  },
  {
    methods: ['POST'],
    path: '/{title}/sessions/{sessionId}/ticks/{tick}',
    endpoint: 'commit',
    answeredBy: 'commit',
  },
  {
    methods: ['GET', 'HEAD'],
    path: '/{title}/exports/{id}',
    endpoint: 'export',
    answeredBy: 'export',
  },
  {
    methods: ['GET', 'HEAD'],
    path: '/{title}/schema.graphql',
    endpoint: 'manifest',
    answeredBy: 'schema',
  },
  {
    methods: ['GET', 'HEAD'],
    path: '/{title}/manifest.json',
    endpoint: 'manifest',
    answeredBy: 'manifest',
  },
];

/** What titles answer. Which one is looked up with each request, as they come and go. */
export function titleRoutes(titles: TitleRegistry): Route[] {
  const named = titlePaths.map(({ answeredBy, ...route }): Route => {
    return {
      ...route,
      handle: async (exchange, parameters) =>
        titles.get(parameters.title ?? '').answer(answeredBy, exchange, parameters),
    };
  });
  const only = titlePaths.flatMap(({ answeredBy, path, ...route }): Route[] => {
    if (!withoutTitle.includes(answeredBy)) return [];
    return [
      {
        ...route,
        path: path.replace('/{title}', ''),
        handle: async (exchange, parameters) =>
          titles.only().answer(answeredBy, exchange, parameters),
      },
    ];
  });
  return [...named, ...only];
}

/** What is also found without a title, where there is only one. */
const withoutTitle: readonly TitleEndpoint[] = ['graphql', 'schema', 'manifest'];
