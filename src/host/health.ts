import type { ColumnQueries, Engine } from '../../engine/index.ts';
import { EngineError } from '../../engine/model/errors.ts';
import { formatPosition, type Lsn } from '../../engine/model/position.ts';
import { isLoopback } from '../http/loopback.ts';
import { sendBody, sendJson } from '../http/respond.ts';
import { isOpenColumnStore, type Metrics } from '../telemetry/metrics.ts';
import type { Handler } from './router.ts';

/** What `/readyz` looks at. */
export interface Readiness {
  /** Null while the log is being recovered. */
  engine: Engine | null;
  /** Where the log ended when it was recovered; columns behind this are still catching up. */
  recoveredLsn: Lsn | null;
  /** `serving` from the moment on that every route answers. */
  server: 'starting' | 'serving' | 'draining';
  /** Why no token can be verified, asked anew each time; null while they can. */
  identityProblem: () => string | null;
}

/** `GET /healthz`: the process answers. */
export function healthEndpoint(metrics: Metrics): Handler {
  return (exchange) => sendJson(exchange, metrics, { alive: true }, { headers: noStore });
}

const noStore = { 'cache-control': 'no-store' };

/**
 * `GET /readyz`: send traffic here. Columns count until they have caught up with what the log held
 * at start; later they are always a little behind, which is what `columns_lag_lsn` is for.
 */
export function readinessEndpoint(metrics: Metrics, readiness: Readiness): Handler {
  return async (exchange) => {
    const { engine, recoveredLsn, server } = readiness;
    const identityProblem = readiness.identityProblem();
    const silence = engine === null ? null : silenceOf(engine.columns);
    const checks = {
      log: engine === null ? 'recovering' : engine.failure === null ? 'ok' : 'failed',
      columns:
        engine === null || recoveredLsn === null || engine.columns.coveredLsn < recoveredLsn
          ? 'catching up'
          : 'ok',
      identity: identityProblem === null ? 'ok' : 'no provider',
      server: server === 'serving' ? 'ok' : server,
    };
    const ready = Object.values(checks).every((state) => state === 'ok');
    const positions =
      engine === null
        ? {}
        : {
            position: formatPosition(engine.appliedLsn),
            coveredPosition: formatPosition(engine.columns.coveredLsn),
          };
    const reasons = [engine?.failure ? reasonOf(engine.failure) : null, identityProblem, silence];
    const reason = reasons.filter((text) => text !== null).join('; ');
    await sendJson(
      exchange,
      metrics,
      {
        ready,
        // Ticks do not wait for the column store: one that hangs takes no server out of service.
        checks: silence === null ? checks : { ...checks, columns: 'not answering' },
        ...(reason === '' ? {} : { reason }),
        ...positions,
      },
      { status: ready ? 200 : 503, headers: noStore },
    );
  };
}

function silenceOf(columns: ColumnQueries): string | null {
  return isOpenColumnStore(columns) ? columns.trouble : null;
}

/** Messages of other errors may hold internals; those are in the log. */
function reasonOf(failure: Error): string {
  return failure instanceof EngineError ? failure.message : 'the log cannot be written';
}

/** `GET /metrics`, for Prometheus, where `answers` holds for the address that asks. */
export function metricsEndpoint(metrics: Metrics, answers: (address: string) => boolean): Handler {
  return async (exchange) => {
    if (!answers(exchange.request.socket.remoteAddress ?? '')) {
      throw new EngineError(
        'FORBIDDEN',
        'metrics are for this machine alone here; --metrics-port gives them an address of their own',
      );
    }
    const content = await metrics.registry.metrics();
    await sendBody(exchange, metrics, {
      contentType: metrics.registry.contentType,
      content,
      headers: noStore,
    });
  };
}

/**
 * Who may read metrics on the address that users are served on: they tell of every session and table,
 * and need no token. Whoever reaches a server of this machine alone; else this machine.
 */
export function metricsReaders(host: string): (address: string) => boolean {
  return isLoopback(host) ? () => true : isLoopback;
}
