import fc from 'fast-check';
import { parseManifest } from '../../../engine/index.ts';
import { EngineError } from '../../../engine/model/errors.ts';
import { ashfall } from '../../../src/sandbox/ashfall.ts';
import { proveServable } from '../../../src/titles/served-title.ts';
import { arrowTick } from '../../serve/arrow-tick.ts';
import { FrameSocket } from '../../serve/frame-socket.ts';
import { commitTick, tickOf } from '../../serve/sandbox.ts';
import { anyJson, mutatedBytes, mutatedJson, mutatedText, rewordedText } from './mutations.ts';
import { type FuzzWorld, type Outcome, roles } from './world.ts';

/** How much of a target is tried. */
export interface FuzzParameters {
  readonly seed: number;
  readonly numRuns: number;
  /** One input of a seed. */
  readonly path?: string;
  readonly interruptAfterTimeLimit?: number;
  readonly markInterruptAsFailure?: boolean;
}

export type FuzzDetails = Pick<
  fc.RunDetails<readonly unknown[]>,
  'failed' | 'counterexample' | 'counterexamplePath' | 'errorInstance'
>;

/** One kind of what comes from outside. */
export interface FuzzTarget {
  readonly name: string;
  /** Inputs of a run with a fixed budget. */
  readonly runs: number;
  /** Nothing of a refused input may be written; false where an input is several. */
  readonly isOne: boolean;
  /** `around` is called for each input, with what gives it to the server. */
  prepare(
    world: FuzzWorld,
    around: (run: () => Promise<Outcome>) => Promise<void>,
  ): Promise<(parameters: FuzzParameters) => Promise<FuzzDetails>>;
}

interface Given<Input> {
  readonly inputs: fc.Arbitrary<Input>;
  readonly run: (input: Input) => Promise<Outcome>;
}

function given<Input>(property: Given<Input>): Given<Input> {
  return property;
}

function target<Input>(
  name: string,
  runs: number,
  property: (world: FuzzWorld) => Promise<Given<Input>> | Given<Input>,
  isOne = true,
): FuzzTarget {
  return {
    name,
    runs,
    isOne,
    prepare: async (world, around) => {
      const { inputs, run } = await property(world);
      const checked = fc.asyncProperty(inputs, (input) => around(() => run(input)));
      return (parameters) => fc.check(checked, parameters);
    },
  };
}

const role = fc.constantFrom(...roles);

const documents = [
  '{ __typename }',
  '{ unitStateList(where: { ownerId: { eq: 1 } }, orderBy: [{ column: unitId }], first: 3) { nodes { unitId ownerId x } pageInfo { endCursor } } }',
  '{ actionLogList(where: { sessionId: { eq: "match" } }, first: 2) { nodes { actionId kind accepted } } }',
  '{ actionLogGroups(by: [kind], tickBucket: 10, first: 5) { nodes { key { kind tick } count avg { x } quantile(q: 0.5) { x } } coveredPosition } }',
  '{ matchPulse(where: { sessionId: { eq: "match" } }) { position rows { sessionId actions } } sessions(first: 2) { nodes { sessionId } } }',
  '{ sql(query: "SELECT kind, count() FROM actionLog GROUP BY kind", parameters: { a: 1 }, first: 5) { columns { name } rows } }',
  'query Q($key: UnitStateKey!) { unitState(key: $key) { unitId version } }',
  'mutation { openSession(input: { sessionId: "fuzz", takeOver: true }) { fence } }',
  'mutation { createExport(input: { table: "actionLog", where: { kind: { eq: MOVE } }, format: PARQUET, compression: ZSTD }) { url position } }',
  'mutation { compareAndSetUnitState(input: { key: { sessionId: "match", unitId: 1 }, expectedVersion: 1, set: { x: 1.5 } }) { __typename } }',
  '{ a: __schema { types { name fields { name args { name } } } } ...f @include(if: true) } fragment f on Query { b: __typename }',
  '{ auditLog(first: 2) { nodes { action details } } runningQueries { id } contention(sessionId: "match") { sessionId } }',
];

const condition = {
  and: [
    { ownerId: { eq: 1, ne: 2, in: [1, 2], lt: 5, gte: 0, between: [1, 3] } },
    { blueprint: { like: 'a%_', isNull: false } },
  ],
  or: [{ sessionId: { eq: 'match' } }, { not: { x: { gt: 0.5 } } }],
};
const conditionOf: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  node: fc.oneof(
    { maxDepth: 5, withCrossShrink: true },
    fc.dictionary(
      fc.constantFrom(
        'ownerId',
        'unitId',
        'sessionId',
        'blueprint',
        'x',
        'health',
        'position',
        'committedAt',
        'version',
        'nothing',
      ),
      fc.dictionary(
        fc.constantFrom('eq', 'ne', 'in', 'lt', 'lte', 'gt', 'gte', 'between', 'isNull', 'like'),
        fc.oneof(anyJson, fc.array(anyJson, { maxLength: 3 })),
        { maxKeys: 3 },
      ),
      { maxKeys: 3 },
    ),
    fc.record({ and: fc.array(tie('node'), { maxLength: 3 }) }),
    fc.record({ or: fc.array(tie('node'), { maxLength: 3 }) }),
    fc.record({ not: tie('node') }),
  ),
})).node;

const arrowType = { 'content-type': 'application/vnd.apache.arrow.stream' };

export const targets: readonly FuzzTarget[] = [
  target('documents', 250, (world) =>
    given({
      inputs: fc.record({
        role,
        query: fc.oneof(mutatedText(...documents), rewordedText(...documents)),
      }),
      run: ({ role: asked, query }) => world.graphql(asked, JSON.stringify({ query })),
    }),
  ),
  target('variables', 200, (world) => {
    const input = {
      sessionId: 'match',
      ...tickOf('match', 3, 2),
      onConflict: 'ABORT_TICK',
      fence: 1,
    };
    return given({
      inputs: fc.oneof(
        fc.record({ query: fc.constant<string>(commitTick), variables: mutatedJson({ input }) }),
        fc.record({
          query: fc.constant<string>(
            'query ($where: UnitStateWhere, $order: [UnitStateOrder!], $first: Int, $after: String) { unitStateList(where: $where, orderBy: $order, first: $first, after: $after) { nodes { unitId } } }',
          ),
          variables: mutatedJson({
            where: condition,
            order: [{ column: 'unitId' }],
            first: 5,
            after: null,
          }),
        }),
      ),
      run: ({ query, variables }) =>
        world.graphql('game-server', `{"query":${JSON.stringify(query)},"variables":${variables}}`),
    });
  }),
  target('conditions', 200, (world) =>
    given({
      inputs: fc.record({
        role,
        where: conditionOf,
        table: fc.constantFrom('UnitState', 'ActionLog', 'MatchPulse'),
      }),
      run: ({ role: asked, where, table }) => {
        const field = `${table[0]?.toLowerCase()}${table.slice(1)}`;
        const query =
          table === 'MatchPulse'
            ? `query ($where: ${table}Where) { ${field}(where: $where) { position } }`
            : `query ($where: ${table}Where) { ${field}List(where: $where, first: 3) { nodes { sessionId } } }`;
        return world.graphql(asked, JSON.stringify({ query, variables: { where } }));
      },
    }),
  ),
  target('cursors', 100, async (world) => {
    const list =
      '{ unitStateList(first: 1, where: { sessionId: { eq: "match" }, ownerId: { eq: 1 } }) { pageInfo { endCursor } } }';
    const page = await world.sandbox.ask('game-server', list);
    const { unitStateList } = page.data as { unitStateList: { pageInfo: { endCursor: string } } };
    const { pageInfo } = unitStateList;
    const { endCursor } = pageInfo;
    return given({
      inputs: fc.record({
        cursor: fc.oneof(mutatedText(endCursor, '0:3', 'eyJ9'), base64Of(endCursor)),
        field: fc.constantFrom('unitStateList', 'actionLogList', 'sessions', 'auditLog'),
      }),
      run: ({ cursor, field }) => {
        const query = `query ($after: String) { ${field}(first: 1, after: $after) { nodes { __typename } } }`;
        return world.graphql(
          'game-server',
          JSON.stringify({ query, variables: { after: cursor } }),
        );
      },
    });
  }),
  target('resumed subscriptions', 60, async (world) => {
    const socket = await FrameSocket.connect(world.sandbox.url, world.authorization('liveops'));
    socket.subscribe('first', 'subscription { matchPulseChanges { cursor } }');
    const { payload } = await socket.receive(({ id }) => id === 'first');
    const { cursor } = payload.data.matchPulseChanges;
    let last = 0;
    return given({
      inputs: fc.oneof(mutatedText(cursor), base64Of(cursor)),
      run: async (asked) => {
        const id = `${++last}`;
        const query =
          'subscription ($cursor: String) { matchPulseChanges(cursor: $cursor) { kind } }';
        socket.subscribe(id, query, { cursor: asked });
        const message = await socket.receive((one) => one.id === id);
        const outcome = judgeMessage(message);
        // Who ends what has ended is counted as a flood.
        if (outcome === 'taken') socket.send({ type: 'complete', id });
        return outcome;
      },
    });
  }),
  target('Arrow bodies', 250, async (world) => {
    const bodies = [await arrowTick(3, 1), await arrowTick(3, 20)];
    return given({
      inputs: fc.oneof(mutatedBytes(...bodies), fc.uint8Array({ maxLength: 200 })),
      run: (body) => {
        const headers = { ...world.authorization('game-server'), ...arrowType };
        const path = '/ashfall/sessions/match/ticks/3';
        return world.send(path, { method: 'POST', headers, body: Buffer.from(body) });
      },
    });
  }),
  target('JSON bodies', 200, (world) => {
    const tick = {
      actions: {
        actionId: ['a', 'b'],
        playerId: [1, 2],
        kind: ['MOVE', 'MOVE'],
        unitIds: [[1], []],
        payload: [{ a: 1 }, null],
      },
      effects: [
        {
          table: 'unitState',
          op: 'upsert',
          action: [0, 1],
          unitId: [1, 2],
          ownerId: [1, 2],
          x: [1.5, null],
        },
        {
          table: 'resourceLedger',
          op: 'append',
          action: [null],
          playerId: [1],
          resource: ['MASS'],
          amount: [2],
        },
      ],
    };
    return given({
      inputs: fc.record({
        body: mutatedJson(tick),
        path: fc.oneof(fc.constant('match/ticks/3'), mutatedText('match/ticks/3').map(pathText)),
        headers: fc.dictionary(
          fc.constantFrom(
            'x-tickloom-fence',
            'idempotency-key',
            'x-tickloom-on-conflict',
            'x-tickloom-after-tick',
            'x-tickloom-once',
            'x-tickloom-read-after',
            'content-encoding',
            'traceparent',
          ),
          fc.oneof(fc.constantFrom('1', '-1', 'true', 'gzip', 'ABORT_TICK', '0:9'), headerText),
          { maxKeys: 2 },
        ),
      }),
      run: ({ body, path, headers: more }) => {
        const headers = {
          ...world.authorization('game-server'),
          'content-type': 'application/json',
          ...more,
        };
        return world.send(`/ashfall/sessions/${path}`, { method: 'POST', headers, body });
      },
    });
  }),
  target('tokens', 200, (world) => {
    const token = world.tokens.get('liveops') ?? '';
    const decoded = (text: string) =>
      text.split('.').map((part) => Buffer.from(part, 'base64url').toString('hex'));
    const good = String(decoded(token));
    const [, claims = '', signature = ''] = token.split('.');
    const header = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const forged = mutatedJson(
      { alg: 'ES256', kid: 'x', typ: 'JWT' },
      { alg: 'none' },
      { alg: 'HS256', jwk: {}, crit: ['b64'] },
    );
    return given({
      inputs: fc.oneof(
        mutatedText(token).map((text) => `Bearer ${text.replace(/[^\x21-\x7e]/g, '')}`),
        forged.map(
          (text) => `Bearer ${Buffer.from(text).toString('base64url')}.${claims}.${signature}`,
        ),
        mutatedJson({ sub: 'x', tickloom_role: 'admin', exp: 2 ** 40 }).map(
          (text) => `Bearer ${header({ alg: 'none' })}.${Buffer.from(text).toString('base64url')}.`,
        ),
        headerText,
      ),
      run: async (authorization) => {
        const outcome = await world.send('/ashfall/graphql?query={__typename}', {
          headers: { authorization },
        });
        const given = authorization.trim().replace(/^Bearer +/i, '');
        if (outcome === 'taken' && String(decoded(given)) !== good)
          throw new Error('a token was taken that nobody signed');
        return outcome;
      },
    });
  }),
  target('export links', 150, async (world) => {
    const mutation = 'mutation { createExport(input: { table: "actionLog" }) { url } }';
    const answer = await world.sandbox.ask('analyst', mutation);
    const { url } = (answer.data?.createExport ?? {}) as { readonly url: string };
    const link = url.slice(world.sandbox.url.length);
    return given({
      inputs: mutatedText(link.slice('/ashfall/exports/'.length)).map(pathText),
      run: async (rest) => {
        const path = `/ashfall/exports/${rest}`;
        const response = await fetch(`${world.sandbox.url}${path}`);
        const outcome = judgeExport(response.status, await response.text());
        if (outcome === 'taken' && !sameLink(path, link))
          throw new Error('a link was taken that nobody signed');
        return outcome;
      },
    });
  }),
  target('manifests', 150, (world) => {
    const manifest = { ...ashfall, title: 'fuzzed' };
    return given({
      inputs: mutatedJson(manifest),
      run: async (text) => {
        try {
          proveServable(parseManifest(text));
          // A title that is made costs a database; what cannot be made is refused by the server, too.
          return 'taken';
        } catch (error) {
          if (!(error instanceof EngineError)) throw error;
        }
        const outcome = await world.control('POST', '/titles', `{"manifest":${text}}`);
        if (outcome === 'taken') throw new Error('a title was made of what is no manifest');
        return outcome;
      },
    });
  }),
  target('control messages', 150, (world) =>
    given({
      inputs: fc.record({
        method: fc.constantFrom('GET', 'POST', 'PUT'),
        path: fc.oneof(
          fc.constantFrom(
            '/titles',
            '/denied',
            '/allowed',
            '/secrets',
            '/secrets/export-links/rotate',
            '/titles/no/remove',
            '/titles/no/suspend',
            '/titles/no/resume',
            '/titles/no/audit/verify',
          ),
          mutatedText('/titles/no/remove', '/secrets/mask-key/rotate').map(
            (text) => `/${pathText(text)}`,
          ),
        ),
        body: mutatedJson(
          { subject: 'nobody', until: '2099-01-01T00:00Z' },
          { jti: 'x' },
          { confirm: 'no', keepMs: 5 },
          { title: 'ashfall', overlapMs: 0 },
          { expected: { record: 1, chain: 'x' } },
        ),
      }),
      run: ({ method, path, body }) => world.control(method, path, body),
    }),
  ),
  target(
    'WebSocket messages',
    60,
    (world) =>
      given({
        inputs: fc.array(
          fc.oneof(
            mutatedJson(
              { type: 'subscribe', id: '1', payload: { query: '{ __typename }' } },
              {
                type: 'subscribe',
                id: '1',
                payload: {
                  query: 'subscription { matchPulseChanges { kind } }',
                  variables: { a: 1 },
                  extensions: { readAfter: '0:1' },
                },
              },
              { type: 'complete', id: '1' },
              { type: 'ping', payload: { authorization: 'Bearer x' } },
              { type: 'connection_init', payload: {} },
            ).map((text) => ({ text })),
            fc.uint8Array({ maxLength: 40 }).map((bytes) => ({ bytes: [...bytes] })),
          ),
          { minLength: 1, maxLength: 6 },
        ),
        run: async (messages) => {
          const socket = await FrameSocket.connect(
            world.sandbox.url,
            world.authorization('liveops'),
          );
          socket.raw.on('error', () => undefined);
          for (const message of messages) {
            socket.raw.send('text' in message ? message.text : Buffer.from(message.bytes));
          }
          socket.send({ type: 'ping', payload: { last: true } });
          const answered = socket.receive(({ type, payload }) => {
            if (type === 'error') judgeMessage({ type, payload });
            return type === 'pong' && payload?.last === true;
          });
          const ended = await Promise.race([
            answered.then(
              () => null,
              () => null,
            ),
            socket.closed,
          ]);
          socket.close();
          const { code } = await socket.closed;
          if (code === 4500 || code === 1011) throw new Error(`closed with ${code}`);
          return ended === null ? 'taken' : 'refused';
        },
      }),
    false,
  ),
];

const headerText = fc.string({ unit: 'grapheme-ascii', maxLength: 30 }).map((text) => text.trim());

function base64Of(cursor: string): fc.Arbitrary<string> {
  const inner = Buffer.from(cursor, 'base64url').toString('latin1');
  return mutatedText(inner).map((text) => Buffer.from(text, 'latin1').toString('base64url'));
}

/** As a path that a client can send: what no URL may hold is encoded. */
function pathText(text: string): string {
  return text.toWellFormed().replace(/[^\x21-\x7e]|[#\\]/gu, (part) => encodeURIComponent(part));
}

function sameLink(one: string, other: string): boolean {
  const [a, b] = [one, other].map((text) => new URL(text, 'http://x'));
  const parts = (url: URL | undefined) => [
    url?.pathname && decodeURIComponent(url.pathname),
    url?.searchParams.get('expires'),
    url?.searchParams.get('signature'),
  ];
  return String(parts(a)) === String(parts(b));
}

/** As `judge`; rows of an export are no text. */
function judgeExport(status: number, text: string): Outcome {
  if (status === 200) return 'taken';
  if (status >= 500 && status !== 503) throw new Error(`answered ${status}: ${text.slice(0, 500)}`);
  return 'refused';
}

function judgeMessage(message: { readonly type: string; readonly payload?: unknown }): Outcome {
  const text = JSON.stringify(message.payload ?? null);
  if (text.includes('"INTERNAL"')) throw new Error(`answered INTERNAL: ${text.slice(0, 500)}`);
  return message.type === 'error' || text.includes('"errors"') ? 'refused' : 'taken';
}
