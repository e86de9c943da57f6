// Holds the rooms apart (see docs/architecture.md): arrows run src → schema → resolvers → engine.
// Fails when it read too few modules: a checker that reads nothing finds nothing.
import { cruise } from 'dependency-cruiser';
import extractTSConfig from 'dependency-cruiser/config-utl/extract-ts-config';

const rooms = [
  'src',
  'schema',
  'resolvers',
  'engine',
  'sdk',
  'importer',
  'examples',
  'bench',
  'test',
];
const modulesMin = 50;

/** The rooms of the engine from the ground up: each imports only what stands before it. */
const engineRooms = [
  'model',
  'disk',
  'time',
  'vectors',
  'query',
  'manifest',
  'access',
  'govern',
  'log',
  'state',
  'tick',
  'intake',
  'vault',
  'views',
  'columns',
  'recover',
  'canary',
  'ports',
  'title',
];

/** @type {import('dependency-cruiser').IForbiddenRuleType[]} */
const engineOrder = engineRooms.slice(0, -1).map((room, floor) => ({
  name: `engine-${room}-stands-on-lower-rooms`,
  comment: `The order of the engine's rooms is ${engineRooms.join(', ')}.`,
  severity: 'error',
  from: { path: `^engine/${room}/` },
  to: { path: `^engine/(index\\.ts|(${engineRooms.slice(floor + 1).join('|')})/)` },
}));

/** @type {import('dependency-cruiser').IForbiddenRuleType[]} */
const forbidden = [
  {
    name: 'no-cycles',
    comment: 'Modules that need each other to load are one module. Types may refer back.',
    severity: 'error',
    from: {},
    to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
  },
  {
    name: 'no-unresolved',
    comment: 'An import of something that is not there.',
    severity: 'error',
    from: {},
    to: { couldNotResolve: true },
  },
  {
    name: 'engine-stands-alone',
    comment: 'engine/ is a library: it imports no other room.',
    severity: 'error',
    from: { path: '^engine/' },
    to: { path: '^(src|schema|resolvers|sdk|importer|examples|bench|test)/' },
  },
  {
    name: 'engine-knows-no-graphql',
    comment: 'The engine knows neither GraphQL nor serving.',
    severity: 'error',
    from: { path: '^engine/' },
    to: {
      path: 'node_modules/(graphql|@pothos|@graphql-tools|@envelop|@whatwg-node|ws|pino|prom-client|jose|commander)([/-]|$)',
    },
  },
  {
    name: 'engine-serves-no-http',
    comment:
      "The engine serves nothing. engine/columns/host is the exception: it is the child process that gives chDB ClickHouse's own HTTP interface on loopback, so that one client serves the embedded store and a cluster; engine/columns/client.ts reaches it, as a client, over a Unix socket.",
    severity: 'error',
    from: { path: '^engine/', pathNot: '^engine/columns/(host/|client\\.ts)' },
    to: { dependencyTypes: ['core'], path: '^(node:)?(http|https|http2)$' },
  },
  {
    name: 'resolvers-reach-down-only',
    comment: 'resolvers/ calls the engine; it knows neither schema nor server.',
    severity: 'error',
    from: { path: '^resolvers/' },
    to: { path: '^(src|schema|sdk|importer|examples|bench|test)/' },
  },
  {
    name: 'schema-reaches-down-only',
    comment: 'schema/ refers to resolvers; it knows no server.',
    severity: 'error',
    from: { path: '^schema/' },
    to: { path: '^(src|sdk|importer|examples|bench|test)/' },
  },
  {
    name: 'engine-has-doors',
    comment:
      'Other rooms enter the engine by engine/index.ts, and read its words in engine/model; a manifest imports engine/manifest/index.ts.',
    severity: 'error',
    from: { path: '^(src|schema|resolvers)/' },
    to: { path: '^engine/', pathNot: '^engine/(index\\.ts|model/|manifest/index\\.ts)' },
  },
  ...engineOrder,
  {
    name: 'src-does-not-reach-out',
    comment:
      'The server needs no example, benchmark or test; of the SDK the CLI takes the generator, and tickloom import is the importer.',
    severity: 'error',
    from: { path: '^src/', pathNot: '^src/cli/import\\.ts$' },
    to: { path: '^(sdk|importer|examples|bench|test)/', pathNot: '^sdk/(dist/)?generate/' },
  },
  {
    name: 'host-stands-on-titles',
    comment:
      'The server is put together in src/host, for src/cli to start; titles know nothing of what they are hosted by.',
    severity: 'error',
    from: { path: '^src/', pathNot: '^src/(host|cli)/' },
    to: { path: '^src/(host|cli)/' },
  },
  {
    name: 'titles-stand-on-transports',
    comment:
      'A title is put together in src/titles, of what stands below it: transports, identity, exports, telemetry. None of these knows of titles that come and go; readiness alone looks at them.',
    severity: 'error',
    from: { path: '^src/', pathNot: '^src/(host|cli|titles)/' },
    to: { path: '^src/titles/' },
  },
  {
    name: 'importer-is-a-client',
    comment:
      "The importer is a studio's backend: it imports the published SDK and the client generated for ashfall.",
    severity: 'error',
    from: { path: '^importer/' },
    to: {
      path: '^(src|schema|resolvers|engine|sdk|examples|bench|test)/',
      pathNot: '^(sdk/dist/index|sdk/index\\.ts|examples/ashfall/tickloom\\.ts)',
    },
  },
  {
    name: 'sdk-is-light',
    comment: 'The SDK runs in browsers and game servers: it imports nothing of the server.',
    severity: 'error',
    from: { path: '^sdk/' },
    to: { path: '^(src|schema|resolvers|engine|importer|examples|bench|test)/' },
  },
  {
    name: 'sdk-has-few-dependencies',
    comment:
      'What the SDK imports is what its users install: apache-arrow, eventsource-parser and graphql-ws.',
    severity: 'error',
    from: { path: '^sdk/(runtime|generate|index)' },
    to: {
      path: 'node_modules/',
      pathNot: 'node_modules/(apache-arrow|eventsource-parser|graphql-ws)/',
      dependencyTypesNot: ['type-only'],
    },
  },
  {
    name: 'sdk-runs-in-browsers',
    comment: "The SDK's runtime uses nothing of Node's own.",
    severity: 'error',
    from: { path: '^sdk/runtime/' },
    to: { dependencyTypes: ['core'] },
  },
  {
    name: 'examples-use-what-users-have',
    comment: 'Examples import the published SDK, and the door for manifests; users copy them.',
    severity: 'error',
    from: { path: '^examples/' },
    to: {
      path: '^(src|schema|resolvers|engine|sdk|importer|bench|test)/',
      pathNot:
        '^(engine/manifest/index\\.ts|dist/engine/manifest/index|sdk/dist/index|sdk/index\\.ts)',
    },
  },
];

const { output } = await cruise(
  rooms,
  {
    ruleSet: { forbidden },
    validate: true,
    doNotFollow: { path: 'node_modules|(^|/)dist/' },
    // examples/starter is what `tickloom init` copies; its client is generated where it is copied to.
    exclude: { path: '(^|/)(dist|generated)/|^examples/starter/' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'types', 'node'],
    },
  },
  undefined,
  { tsConfig: extractTSConfig('./tsconfig.check.json') },
);

const { modules, summary } = output;
const own = modules.filter((module) => rooms.some((room) => module.source.startsWith(`${room}/`)));
if (own.length < modulesMin) {
  console.error(
    `check-imports read ${own.length} modules only; it must read ${modulesMin} at least`,
  );
  process.exit(1);
}
for (const room of ['src', 'schema', 'resolvers', 'engine', 'sdk', 'importer']) {
  if (!own.some((module) => module.source.startsWith(`${room}/`))) {
    console.error(`check-imports read no module of ${room}/`);
    process.exit(1);
  }
}
for (const module of own) {
  const [, room] = /^engine\/([^/]+)\//.exec(module.source) ?? [];
  if (room === undefined || engineRooms.includes(room)) continue;
  console.error(`${module.source} is in a room of the engine that has no place in their order`);
  process.exit(1);
}
for (const { rule, from, to, cycle } of summary.violations) {
  const path = cycle ? ` (${cycle.map((step) => step.name).join(' → ')})` : '';
  console.error(`${rule.name}: ${from} → ${to}${path}`);
}
if (summary.violations.length > 0) process.exit(1);
console.log(
  `imports: ${own.length} modules, ${summary.totalDependenciesCruised} imports, no rule broken`,
);
