import fc from 'fast-check';
import { parse } from 'graphql';
import { describe, expect, it } from 'vitest';
import { ColumnarTick } from '../../engine/json/columnar-tick.ts';
import { type DecoderThread, unanswered } from '../../engine/json/decoder-thread.ts';
import { Catalog } from '../../engine/model/catalog.ts';
import { limits } from '../../engine/model/limits.ts';
import { type GraphqlParams, parseBodyParams } from '../../src/api/graphql/graphql-params.ts';
import { TickRequests } from '../../src/api/graphql/tick-requests.ts';
import { ashfall } from '../../src/sandbox/ashfall.ts';
import { servingLimits } from '../../src/serving-limits.ts';
import { Metrics } from '../../src/telemetry/metrics.ts';
import { ashfallTick } from '../json/ashfall-tick.ts';
import { contentOf, GeneralPath } from '../json/general-path.ts';
import { spelled } from '../json/spelling.ts';

const catalog = new Catalog(ashfall);
const general = new GeneralPath(catalog);
const query =
  'mutation Commit($tick: CommitTickInput!) {\n  commitTick(input: $tick) { position }\n}';
const request = { query, operationName: 'Commit', variables: { tick: ashfallTick(2) } };

function freshRequests(canary = false): TickRequests {
  return new TickRequests({ catalog, metrics: new Metrics(), thread: null, canary });
}

/** Requests as the server reads them once it has executed the document. */
async function requestsThatKnow(known: string): Promise<TickRequests> {
  const requests = freshRequests();
  await learn(requests, known);
  return requests;
}

async function learn(requests: TickRequests, known: string): Promise<void> {
  const body = Buffer.from(JSON.stringify({ query: known, variables: { tick: {} } }));
  (await requests.read(body)).learn?.(parse(known));
}

function isColumnar(params: GraphqlParams): boolean {
  return Object.values(params.variables).some((value) => value instanceof ColumnarTick);
}

/** What a request says, whichever way it was read. */
function meaningOf(params: GraphqlParams): unknown {
  const { tick } = params.variables;
  const batch = tick instanceof ColumnarTick ? tick.batch : general.tickOf(tick)?.batch;
  return { ...params, variables: batch ? contentOf(batch) : params.variables };
}

async function outcomeOf(read: () => GraphqlParams | Promise<GraphqlParams>): Promise<unknown> {
  try {
    return meaningOf(await read());
  } catch (error) {
    return String(error);
  }
}

describe('the body of a request that commits a tick', () => {
  it('becomes columns from the second time that its document comes', async () => {
    const requests = freshRequests();
    const body = Buffer.from(JSON.stringify(request));
    const first = await requests.read(body);
    expect(isColumnar(first.params)).toBe(false);
    first.learn?.(parse(query));
    const [second, third] = [await requests.read(body), await requests.read(body)];
    expect(isColumnar(second.params)).toBe(true);
    expect(second.params.query).toBe(third.params.query);
  });

  it('is decoded in a thread from so many bytes on, and not with one less', async () => {
    const asked: number[] = [];
    const decode = async (body: Buffer) => {
      asked.push(body.length);
      return unanswered;
    };
    const thread = { decode } as unknown as DecoderThread;
    const requests = new TickRequests({ catalog, metrics: new Metrics(), thread, canary: false });
    await learn(requests, query);
    const text = JSON.stringify(request);
    for (const bytes of [limits.jsonThreadFromBytes - 1, limits.jsonThreadFromBytes]) {
      const body = Buffer.alloc(bytes, ' ');
      body.write(text);
      const { params } = await requests.read(body);
      expect(isColumnar(params)).toBe(true);
    }
    expect(asked).toEqual([limits.jsonThreadFromBytes]);
  });

  it('becomes columns in any order and spelling of its members', async () => {
    const requests = await requestsThatKnow(query);
    const { query: text, operationName, variables } = request;
    for (const body of [
      { variables, operationName, query: text },
      { query: text, variables },
      { query: text, extensions: { any: ['thing'] }, variables },
      { operationName: null, extensions: null, variables, query: text },
    ]) {
      const bytes = Buffer.from(JSON.stringify(body, null, 1));
      const { params } = await requests.read(bytes);
      expect(isColumnar(params)).toBe(true);
      expect(meaningOf(params)).toEqual(meaningOf(parseBodyParams(bytes)));
    }
  });

  it('says the same as by JSON.parse, or is refused alike, whatever is changed in it', async () => {
    const requests = await requestsThatKnow(query);
    const bytes = fc.constantFrom(...'{}[]",:01.e\\ aq', '\u0000', 'null', '"query":', '\\u0041');
    let columnar = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(fc.constant(0), fc.nat()),
        fc.nat(2),
        fc.array(fc.tuple(fc.nat(), fc.nat(8), bytes), { maxLength: 2 }),
        async (seed, actions, edits) => {
          let text = spelled({ ...request, variables: { tick: ashfallTick(actions) } }, seed);
          for (const [place, removed, added] of edits) {
            const at = place % text.length;
            text = text.slice(0, at) + added + text.slice(at + removed);
          }
          const body = Buffer.from(text);
          const read = async () => {
            const { params } = await requests.read(body);
            if (isColumnar(params)) columnar++;
            return params;
          };
          expect(await outcomeOf(read)).toEqual(await outcomeOf(() => parseBodyParams(body)));
        },
      ),
      { numRuns: Number(process.env.TICKLOOM_PROPERTY_RUNS ?? 100) * 20 },
    );
    expect(columnar).toBeGreaterThan(100);
  });

  it('goes the general way where it has more or other members', async () => {
    const requests = await requestsThatKnow(query);
    const text = JSON.stringify(request);
    const tick = JSON.stringify(request.variables.tick);
    for (const body of [
      text.replace('"operationName"', '"query":"{ __typename }","operationName"'),
      text.replace('"Commit"', '"Other"'),
      text.replace('"operationName"', '"more":1,"operationName"'),
      text.replace('{"tick":', '{"more":1,"tick":'),
      text.replace(/\}$/, ',"variables":{}}'),
      `${text} x`,
      `\ufeff${text}`,
      text.replace(tick, '"$&"'),
    ]) {
      const bytes = Buffer.from(body);
      const outcome = await outcomeOf(async () => {
        const { params } = await requests.read(bytes);
        expect(isColumnar(params)).toBe(false);
        return params;
      });
      expect(outcome).toEqual(await outcomeOf(() => parseBodyParams(bytes)));
    }
  });

  it('goes the general way in canary mode', async () => {
    const requests = freshRequests(true);
    const body = Buffer.from(JSON.stringify(request));
    await learn(requests, query);
    expect(isColumnar((await requests.read(body)).params)).toBe(false);
  });

  it('is refused where it is not UTF-8, rather than stored as another text', async () => {
    const requests = await requestsThatKnow(query);
    const bytes = Buffer.from(JSON.stringify(request).replace('"a0"', '"a0~"'));
    expect(isColumnar((await requests.read(bytes)).params)).toBe(true);
    bytes[bytes.indexOf('~')] = 0xff;
    await expect(requests.read(bytes)).rejects.toMatchObject({
      code: 'BAD_USER_INPUT',
      message: 'the request body is not valid UTF-8',
    });
  });
});

describe('documents', () => {
  it('that do anything beside committing one tick are not known', async () => {
    const commit = 'commitTick(input: $tick) { position }';
    for (const other of [
      `mutation ($tick: CommitTickInput!, $more: Int) { ${commit} }`,
      `mutation ($tick: CommitTickInput!) { a: ${commit} b: ${commit} }`,
      `mutation ($tick: CommitTickInput!) { ${commit.replace('{', '@include(if: true) {')} }`,
      `mutation ($tick: CommitTickInput! = { sessionId: "s", tick: 1 }) { ${commit} }`,
      `mutation A($tick: CommitTickInput!) { ${commit} } query B { __typename }`,
      `mutation ($tick: CommitTickInput!) { ...f } fragment f on Mutation { ${commit} }`,
      'mutation ($tick: Int!) { commitTick(input: { sessionId: "s", tick: $tick }) { position } }',
      'mutation ($tick: OpenSessionInput!) { openSession(input: $tick) { fence } }',
      'query ($tick: Int!) { commitTick(input: $tick) { position } }',
    ]) {
      const requests = await requestsThatKnow(other);
      const body = Buffer.from(JSON.stringify({ query: other, variables: request.variables }));
      expect(isColumnar((await requests.read(body)).params), other).toBe(false);
    }
  });

  it('are known by the text that ran, not by one that was named before it', async () => {
    const requests = freshRequests();
    const other = query.replace('position', 'stateHash');
    const twice = `{"query":${JSON.stringify(other)},"query":${JSON.stringify(query)},"variables":{"tick":{}}}`;
    (await requests.read(Buffer.from(twice))).learn?.(parse(query));
    const body = Buffer.from(JSON.stringify({ ...request, query: other }));
    expect((await requests.read(body)).params.query).toBe(other);
    expect(isColumnar((await requests.read(body)).params)).toBe(false);
  });

  it('are known up to a length, and none longer', async () => {
    const requests = freshRequests();
    const longest = query.replaceAll('\n', ' ').padEnd(servingLimits.graphqlDocumentCachedCharsMax);
    for (const text of [longest, `${longest} `]) {
      await learn(requests, text);
      const body = Buffer.from(JSON.stringify({ query: text, variables: request.variables }));
      expect(isColumnar((await requests.read(body)).params)).toBe(text === longest);
    }
  });

  it('are forgotten when there are too many, the one that was unused longest first', async () => {
    const requests = await requestsThatKnow(query);
    const named = (i: number) => query.replace('Commit', `Commit${i}`);
    const columnar = async (text: string) => {
      const body = Buffer.from(JSON.stringify({ query: text, variables: request.variables }));
      return isColumnar((await requests.read(body)).params);
    };
    for (let i = 0; i < limits.tickDocumentsMax - 1; i++) await learn(requests, named(i));
    expect([await columnar(query), await columnar(named(0))]).toEqual([true, true]);
    await learn(requests, named(limits.tickDocumentsMax));
    expect([await columnar(query), await columnar(named(0)), await columnar(named(1))]).toEqual([
      true,
      true,
      false,
    ]);
  });
});
