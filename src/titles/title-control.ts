import { parseManifest } from '../../engine/index.ts';
import { EngineError } from '../../engine/model/errors.ts';
import type { ExpectedRecord } from '../audit/verify-audit.ts';
import type { Exchange } from '../http/exchange.ts';
import { readJsonInput } from '../http/json-input.ts';
import { sendJson } from '../http/respond.ts';
import type { Route } from '../http/route.ts';
import { servingLimits } from '../serving-limits.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { TitleKeeper } from './title-keeper.ts';

const dayMs = 24 * 60 * 60 * 1_000;

type Answer = (exchange: Exchange, name: string) => Promise<unknown> | unknown;

/** What an operator may ask of the titles of a running server: `tickloom title …`. */
export function titleControl(keeper: TitleKeeper, metrics: Metrics): Route[] {
  const route = (method: string, path: string, answer: Answer): Route => ({
    methods: [method],
    path,
    endpoint: 'operations',
    handle: async (exchange, { title = '' }) =>
      sendJson(exchange, metrics, await answer(exchange, title)),
  });
  return [
    route('GET', '/titles', () => ({ titles: keeper.list() })),
    route('POST', '/titles', async (exchange) => {
      const { manifest, adopt } = await readJsonInput(exchange, 'controlBodyBytesMax');
      return keeper.create(parseManifest(JSON.stringify(manifest ?? null)), adopt === true);
    }),
    route('POST', '/titles/{title}/audit/verify', async (exchange, name) => {
      const { expected } = await readJsonInput(exchange, 'controlBodyBytesMax');
      return keeper.verifyAudit(name, readExpected(expected));
    }),
    route('POST', '/titles/{title}/operations/reload', async (_exchange, name) => {
      const report = await keeper.reloadOperations(name);
      if (report !== null) return report;
      throw new EngineError(
        'NOT_FOUND',
        `the title "${name}" has no list of operations: set --persisted-operations (TICKLOOM_PERSISTED_OPERATIONS)`,
      );
    }),
    route('POST', '/titles/{title}/suspend', (_exchange, name) => keeper.suspend(name)),
    route('POST', '/titles/{title}/resume', (_exchange, name) => keeper.resume(name)),
    route('POST', '/titles/{title}/remove', async (exchange, name) => {
      const { confirm, keepMs } = await readJsonInput(exchange, 'controlBodyBytesMax');
      if (confirm !== name) {
        throw new EngineError(
          'BAD_USER_INPUT',
          `the name typed again is "${String(confirm)}", not "${name}": nothing was removed`,
        );
      }
      if (typeof keepMs !== 'number' || !Number.isInteger(keepMs) || keepMs < 0) {
        throw new EngineError('BAD_USER_INPUT', 'keepMs must be a whole number of milliseconds');
      }
      const max = servingLimits.removedTitleKeptDaysMax;
      if (keepMs > max * dayMs) {
        throw new EngineError('LIMIT_EXCEEDED', `files are kept for ${max} days at most`, {
          details: { limit: 'removedTitleKeptDaysMax', max },
        });
      }
      return keeper.remove(name, keepMs);
    }),
  ];
}

function readExpected(expected: unknown): ExpectedRecord | null {
  if (expected === null || expected === undefined) return null;
  const { record, chain } = expected as Readonly<Record<string, unknown>>;
  if (typeof record === 'number' && typeof chain === 'string') return { record, chain };
  throw new EngineError('BAD_USER_INPUT', 'expected must name a record and its chain');
}
