import { EngineError } from '../../engine/model/errors.ts';
import { isLoopback } from '../http/loopback.ts';
import { sendBody, sendJson } from '../http/respond.ts';
import type { Handler } from '../http/route.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { Readiness } from './readiness.ts';

/** `GET /healthz`: the process answers. */
export function healthEndpoint(metrics: Metrics): Handler {
  return (exchange) => sendJson(exchange, metrics, { alive: true }, { headers: noStore });
}

const noStore = { 'cache-control': 'no-store' };

/** `GET /readyz`: send traffic here. */
export function readinessEndpoint(metrics: Metrics, readiness: Readiness): Handler {
  return async (exchange) => {
    const { ready, ...report } = readiness.report();
    const status = ready ? 200 : 503;
    await sendJson(exchange, metrics, { ready, ...report }, { status, headers: noStore });
  };
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
    const { registry } = metrics;
    const content = await registry.metrics();
    await sendBody(exchange, metrics, {
      contentType: registry.contentType,
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
