import type { Endpoint } from '../telemetry/metrics.ts';
import type { Exchange } from './exchange.ts';

export type Handler = (
  exchange: Exchange,
  parameters: Readonly<Record<string, string>>,
) => Promise<void>;

export interface Route {
  readonly methods: readonly string[];
  /** Segments; `{name}` takes any one segment, a last `*` the rest. */
  readonly path: string;
  readonly endpoint: Endpoint;
  readonly handle: Handler;
}
