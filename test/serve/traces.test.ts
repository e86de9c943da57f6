import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { AshfallClient } from '../../examples/ashfall/tickloom.ts';
import { servingLimits } from '../../src/serving-limits.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { openOtlp } from '../../src/telemetry/otlp.ts';
import { Tracing } from '../../src/telemetry/tracing.ts';
import { arrowTick } from './arrow-tick.ts';
import { Sandbox } from './sandbox.ts';

interface ToldSpan {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly { key: string; value: Record<string, unknown> }[];
  readonly status: { readonly code?: number; readonly message?: string };
}

/** A collector of OpenTelemetry: takes OTLP in JSON, on a free port of this machine. */
class Collector {
  readonly spans: ToldSpan[] = [];
  readonly #server: Server;
  #tellMore: (() => void) | null = null;
  status = 200;

  private constructor() {
    this.#server = createServer((request, response) => {
      const parts: Buffer[] = [];
      request.on('data', (part: Buffer) => parts.push(part));
      request.on('end', () => {
        if (this.status === 200) this.#take(Buffer.concat(parts).toString());
        response.writeHead(this.status, { 'content-type': 'application/json' }).end('{}');
        this.#tellMore?.();
      });
    });
  }

  static async start(): Promise<Collector> {
    const collector = new Collector();
    await new Promise<void>((resolve) => collector.#server.listen(0, '127.0.0.1', resolve));
    return collector;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** The spans of a trace, once so many of them have come. */
  async trace(traceId: string, count: number): Promise<ToldSpan[]> {
    for (;;) {
      const found = this.spans.filter((span) => span.traceId === traceId);
      if (found.length >= count) return found;
      await new Promise<void>((resolve) => {
        this.#tellMore = resolve;
      });
    }
  }

  stop(): Promise<void> {
    this.#server.closeAllConnections();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  #take(body: string): void {
    const { resourceSpans } = JSON.parse(body) as {
      resourceSpans: { scopeSpans: { spans: ToldSpan[] }[] }[];
    };
    for (const { scopeSpans } of resourceSpans) {
      for (const { spans } of scopeSpans) this.spans.push(...spans);
    }
  }
}

const traceId = (digit: string) => digit.repeat(32);
const parentOf = (digit: string) => `00-${traceId(digit)}-${'b'.repeat(16)}-01`;

function attribute(span: ToldSpan | undefined, key: string): unknown {
  const value = span?.attributes.find((candidate) => candidate.key === key)?.value ?? {};
  return Object.values(value)[0];
}

async function commit(sandbox: Sandbox, tick: number, headers: Record<string, string> = {}) {
  return fetch(`${sandbox.url}/ashfall/sessions/match/ticks/${tick}`, {
    method: 'POST',
    headers: {
      ...(await sandbox.authorization('game-server')),
      'content-type': 'application/vnd.apache.arrow.stream',
      'x-tickloom-fence': '1',
      ...headers,
    },
    body: Buffer.from(await arrowTick(tick, 2)),
  });
}

describe('traces, to a collector', () => {
  let collector: Collector;
  let sandbox: Sandbox;

  beforeAll(async () => {
    collector = await Collector.start();
    sandbox = await Sandbox.start({ otlp: collector.url });
    await sandbox.openSession('match');
  });
  afterAll(async () => {
    await sandbox.stop();
    await collector.stop();
  });

  test('follow a tick from its request through its turn, the log and applying', async () => {
    expect((await commit(sandbox, 1, { traceparent: parentOf('1') })).status).toBe(200);
    const spans = await collector.trace(traceId('1'), 4);
    expect(spans.map(({ name }) => name).sort()).toEqual([
      'commit',
      'log.write',
      'tick.apply',
      'tick.wait',
    ]);
    const request = spans.find(({ name }) => name === 'commit');
    expect(request).toMatchObject({ parentSpanId: 'b'.repeat(16), kind: 2 });
    expect(attribute(request, 'tickloom.title')).toBe('ashfall');
    expect(attribute(request, 'tickloom.role')).toBe('game-server');
    const parts = ['tick.wait', 'log.write', 'tick.apply'].map((name) =>
      spans.find((span) => span.name === name),
    );
    let reachedNano = BigInt(request?.startTimeUnixNano ?? 0);
    for (const part of parts) {
      expect(part?.parentSpanId).toBe(request?.spanId);
      expect(BigInt(part?.startTimeUnixNano ?? 0)).toBeGreaterThanOrEqual(reachedNano);
      reachedNano = BigInt(part?.endTimeUnixNano ?? 0);
    }
    expect(BigInt(request?.endTimeUnixNano ?? 0)).toBeGreaterThanOrEqual(reachedNano);
    expect(Math.abs(Number(reachedNano / 1_000_000n) - Date.now())).toBeLessThan(60_000);
    expect(attribute(parts[2], 'tickloom.actions')).toBe(2);
  });

  test('follow a query into ClickHouse, and name the operation', async () => {
    const response = await fetch(`${sandbox.url}/ashfall/graphql`, {
      method: 'POST',
      headers: {
        ...(await sandbox.authorization('liveops')),
        'content-type': 'application/json',
        traceparent: parentOf('2'),
      },
      body: JSON.stringify({ query: 'query Sums { actionLogGroups { nodes { count } } }' }),
    });
    expect(response.status).toBe(200);
    const spans = await collector.trace(traceId('2'), 2);
    const request = spans.find(({ name }) => name === 'query Sums');
    const query = spans.find(({ name }) => name === 'clickhouse.query');
    expect(query?.parentSpanId).toBe(request?.spanId);
    expect(attribute(request, 'tickloom.class')).toBe('OPERATOR');
  });

  test('tell what failed by its code, and hold no token and no value', async () => {
    expect(
      (await commit(sandbox, 1, { traceparent: parentOf('3'), 'idempotency-key': 'x' })).status,
    ).toBe(409);
    const [span] = await collector.trace(traceId('3'), 1);
    expect(span?.status).toMatchObject({ code: 2, message: 'TICK_OUT_OF_ORDER' });
    const { authorization } = await sandbox.authorization('game-server');
    expect(JSON.stringify(collector.spans)).not.toContain(authorization.slice(7, 40));
  });

  test('leave out what the caller does not trace', async () => {
    const headers = { traceparent: parentOf('4').replace(/01$/, '00') };
    expect((await commit(sandbox, 2, headers)).status).toBe(200);
    expect((await commit(sandbox, 3, { traceparent: parentOf('5') })).status).toBe(200);
    await collector.trace(traceId('5'), 4);
    expect(collector.spans.filter((span) => span.traceId === traceId('4'))).toEqual([]);
  });
});

describe('a collector that is not there', () => {
  let sandbox: Sandbox;
  let collector: Collector;

  beforeEach(async () => {
    collector = await Collector.start();
    collector.status = 400;
    sandbox = await Sandbox.start({ otlp: collector.url });
    await sandbox.openSession('match');
  });
  afterEach(async () => {
    await sandbox.stop();
    await collector.stop();
  });

  test('costs no tick, and what it drops is counted', async () => {
    expect((await commit(sandbox, 1)).status).toBe(200);
    const dropped = async () =>
      Number(/tickloom_trace_spans_dropped_total (\d+)/.exec(await sandbox.metrics())?.[1]);
    await expect.poll(dropped, { timeout: 30_000 }).toBeGreaterThan(3);
    expect((await commit(sandbox, 2)).status).toBe(200);
  });
});

test('so many spans wait for a collector, and one more is dropped', async () => {
  const silent = createServer(() => {});
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  let dropped = 0;
  const close = await openOtlp({
    url: `http://127.0.0.1:${(silent.address() as AddressInfo).port}`,
    sample: 1,
    logger: createLogger('silent'),
    onDropped: (spans) => {
      dropped += spans;
    },
  });
  try {
    const tracing = Tracing.ofProcess();
    const origin = { name: 'n', traceparent: null, attributes: {} };
    for (let i = 0; i < servingLimits.spansQueuedMax; i++) tracing?.begin(origin)?.end(null, null);
    expect(dropped).toBe(0);
    tracing?.begin(origin)?.end(null, null);
    expect(dropped).toBe(1);
  } finally {
    silent.closeAllConnections();
    silent.close();
    await close();
  }
});

test('nothing is traced where nobody takes traces', async () => {
  const sandbox = await Sandbox.start();
  try {
    await sandbox.openSession('match');
    expect((await commit(sandbox, 1, { traceparent: parentOf('6') })).status).toBe(200);
    expect(await sandbox.metrics()).toContain('tickloom_trace_spans_dropped_total 0');
  } finally {
    await sandbox.stop();
  }
});

test("the SDK's spans are the parents of the server's", async () => {
  const collector = await Collector.start();
  const sandbox = await Sandbox.start({ otlp: collector.url });
  try {
    const ended: string[] = [];
    const headers: unknown[] = [];
    const client = new AshfallClient({
      url: sandbox.url,
      token: () => sandbox.token('game-server'),
      tracer: {
        startSpan: (name, options) => {
          headers.push(options?.attributes);
          return {
            spanContext: () => ({ traceId: traceId('7'), spanId: 'c'.repeat(16), traceFlags: 1 }),
            setAttribute: (key, value) => ended.push(`${key}=${value}`),
            setStatus: () => undefined,
            end: () => ended.push(name),
          };
        },
      },
    });
    await client.openSession('traced');
    await expect(client.openSession('..')).rejects.toThrow();
    expect(ended).toEqual([
      'tickloom OpenSession',
      'tickloom.code=BAD_USER_INPUT',
      'tickloom OpenSession',
    ]);
    const [span] = await collector.trace(traceId('7'), 1);
    expect(span?.parentSpanId).toBe('c'.repeat(16));
  } finally {
    await sandbox.stop();
    await collector.stop();
  }
});
