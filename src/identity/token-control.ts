import { EngineError } from '../../engine/model/errors.ts';
import { readJsonInput } from '../http/json-input.ts';
import { sendJson } from '../http/respond.ts';
import type { Route } from '../http/route.ts';
import { servingLimits } from '../serving-limits.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { Denial, DenialKey, DenyList } from './deny-list.ts';

/** A denial as it is told. */
export interface DenialReport {
  readonly subject?: string;
  readonly jti?: string;
  readonly since: string;
  /** Null: until it is taken back. */
  readonly until: string | null;
}

/** What an operator may ask of the tokens of a running server: `tickloom token revoke` and the like. */
export function tokenControl(denials: DenyList, metrics: Metrics, logger: Logger): Route[] {
  return [
    {
      methods: ['GET'],
      path: '/denied',
      endpoint: 'operations',
      handle: (exchange) => sendJson(exchange, metrics, { denied: denials.denials().map(report) }),
    },
    {
      methods: ['POST'],
      path: '/denied',
      endpoint: 'operations',
      handle: async (exchange) => {
        const input = await readJsonInput(exchange, 'controlBodyBytesMax');
        const denial = denials.add(keyOf(input), untilOf(input.until));
        logger.info({ denied: report(denial) }, 'an operator revoked tokens');
        await sendJson(exchange, metrics, report(denial));
      },
    },
    {
      methods: ['POST'],
      path: '/allowed',
      endpoint: 'operations',
      handle: async (exchange) => {
        const key = keyOf(await readJsonInput(exchange, 'controlBodyBytesMax'));
        if (!denials.remove(key)) {
          throw new EngineError('NOT_FOUND', 'no such denial; tickloom token denied lists them');
        }
        logger.info({ allowed: named(key) }, 'an operator took a denial back');
        await sendJson(exchange, metrics, named(key));
      },
    },
  ];
}

function keyOf({ subject, jti }: Readonly<Record<string, unknown>>): DenialKey {
  const given = [subject, jti].filter((value) => value !== undefined);
  const [value] = given;
  if (given.length !== 1 || typeof value !== 'string' || value === '') {
    throw new EngineError('BAD_USER_INPUT', 'give either subject or jti, a text that is not empty');
  }
  if (value.length > servingLimits.tokenCharsMax) {
    throw new EngineError('BAD_USER_INPUT', 'no token has so long a subject or jti');
  }
  return subject === undefined
    ? { kind: 'token', tokenId: value }
    : { kind: 'subject', subject: value };
}

function untilOf(until: unknown): number | null {
  if (until === undefined || until === null) return null;
  const untilMs = typeof until === 'string' ? Date.parse(until) : Number.NaN;
  if (untilMs > Date.now()) return untilMs;
  throw new EngineError(
    'BAD_USER_INPUT',
    'until must be a time in the future, such as 2027-01-31T00:00Z',
  );
}

function report({ key, sinceMs, untilMs }: Denial): DenialReport {
  return {
    ...named(key),
    since: new Date(sinceMs).toISOString(),
    until: untilMs === null ? null : new Date(untilMs).toISOString(),
  };
}

function named(key: DenialKey): { readonly subject: string } | { readonly jti: string } {
  return key.kind === 'subject' ? { subject: key.subject } : { jti: key.tokenId };
}
