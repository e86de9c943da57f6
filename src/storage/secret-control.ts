import { EngineError } from '../../engine/model/errors.ts';
import type { Exchange } from '../http/exchange.ts';
import { readJsonInput } from '../http/json-input.ts';
import { sendJson } from '../http/respond.ts';
import type { Route } from '../http/route.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { RotatingSecret } from './rotating-secret.ts';

/** A secret as an operator may rotate it. */
export interface RotatableSecret {
  readonly secret: RotatingSecret;
  /** How long the one before holds unless the operator says otherwise; null: it cannot, once replaced. */
  readonly overlapMs: number | null;
}

export type RotatableSecrets = Readonly<Record<string, RotatableSecret>>;

/** What an operator is told of a secret: never the secret. */
export interface SecretReport {
  readonly name: string;
  /** Null for one of the server. */
  readonly title: string | null;
  /** Until when each of those before it holds. */
  readonly olderUntil: readonly string[];
}

/** Whose secrets they are; `rotated` records that one was replaced. */
export interface SecretHolder {
  readonly title: string | null;
  readonly secrets: RotatableSecrets;
  readonly rotated: (report: SecretReport) => void;
}

/** How long a replaced secret can go on to hold: as long as the longest link works. */
export const overlapMsMax = 604_800_000;

/**
 * What an operator may ask of the secrets of a running server: `tickloom secret …`. `holders` tells who
 * has secrets now, as titles come and go.
 */
export function secretControl(holders: () => readonly SecretHolder[], metrics: Metrics): Route[] {
  const route = (method: string, path: string, answer: Answer): Route => ({
    methods: [method],
    path,
    endpoint: 'operations',
    handle: async (exchange, { name = '' }) =>
      sendJson(exchange, metrics, await answer(exchange, name)),
  });
  return [
    route('GET', '/secrets', () => ({
      secrets: holders().flatMap((holder) =>
        Object.keys(holder.secrets).map((name) => reportOf(holder, name)),
      ),
    })),
    route('POST', '/secrets/{name}/rotate', async (exchange, name) => {
      const { title, overlapMs } = await readJsonInput(exchange, 'controlBodyBytesMax');
      return rotateSecret(holderOf(holders(), name, title), name, overlapMs);
    }),
  ];
}

type Answer = (exchange: Exchange, name: string) => Promise<unknown> | unknown;

/** Replaces a secret of a holder. Throws `NOT_FOUND`, `BAD_USER_INPUT` and `LIMIT_EXCEEDED`. */
export function rotateSecret(
  holder: SecretHolder,
  name: string,
  overlapMs: unknown = null,
): SecretReport {
  const rotatable = Object.hasOwn(holder.secrets, name) ? holder.secrets[name] : undefined;
  if (rotatable === undefined) throw noSecret(name, Object.keys(holder.secrets));
  if (overlapMs !== null && rotatable.overlapMs === null && overlapMs !== 0) {
    throw new EngineError(
      'BAD_USER_INPUT',
      `"${name}" has no overlap: what was made with the secret before cannot be told from anything else`,
    );
  }
  const overlap = overlapMs ?? rotatable.overlapMs ?? 0;
  if (!Number.isInteger(overlap) || Number(overlap) < 0 || Number(overlap) > overlapMsMax) {
    throw new EngineError(
      'BAD_USER_INPUT',
      `overlapMs must be a whole number of milliseconds up to ${overlapMsMax}`,
    );
  }
  rotatable.secret.rotate(Number(overlap));
  const report = reportOf(holder, name);
  holder.rotated(report);
  return report;
}

function holderOf(holders: readonly SecretHolder[], name: string, title: unknown): SecretHolder {
  const fitting = holders.filter((holder) =>
    title === undefined || title === null
      ? Object.hasOwn(holder.secrets, name)
      : holder.title === title,
  );
  const [only, ...others] = fitting;
  if (only !== undefined && others.length === 0) return only;
  if (only !== undefined) {
    throw new EngineError(
      'BAD_USER_INPUT',
      `several titles have the secret "${name}"; name one: ${fitting.map((one) => one.title).join(', ')}`,
    );
  }
  if (title !== undefined && title !== null) {
    throw new EngineError('NOT_FOUND', `no title "${String(title)}" is served`);
  }
  throw noSecret(name, [...new Set(holders.flatMap(({ secrets }) => Object.keys(secrets)))]);
}

function noSecret(name: string, names: readonly string[]): EngineError {
  return new EngineError(
    'NOT_FOUND',
    `there is no secret "${name}"; there are ${names.join(', ') || 'none'}`,
  );
}

function reportOf({ title, secrets }: SecretHolder, name: string): SecretReport {
  const until = secrets[name]?.secret.olderUntilMs ?? [];
  return { name, title, olderUntil: until.map((ms) => new Date(ms).toISOString()) };
}
