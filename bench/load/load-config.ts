/** What rows a load commits. */
export type LoadRows =
  /** Actions; each with so many upserts of units of `units`. */
  | {
      readonly kind: 'actions';
      readonly rows: number;
      readonly upserts: number;
      readonly units: number;
    }
  /** Rows of `resourceLedger`, effects of the tick itself. */
  | { readonly kind: 'ledger'; readonly rows: number }
  /** New rows of `unitState`, numbered from 0 on. */
  | { readonly kind: 'insertUnits'; readonly rows: number }
  /** Compare-and-swap of rows that `insertUnits` made; `perAction`: each an action of its own. */
  | {
      readonly kind: 'swap';
      readonly rows: number;
      readonly units: number;
      readonly exponent: number;
      readonly perAction: boolean;
    };

/** Bodies made before the run, by either road; or ticks built and encoded by the SDK. */
export type Transport = 'arrow' | 'graphql' | 'sdk';

export type Pace =
  /** Each session sends the next tick as soon as one of those on the way is answered. */
  | { readonly kind: 'closed'; readonly inFlight: number; readonly end: RunEnd }
  /** Each session sends a tick every so often, whether or not the last is answered. */
  | { readonly kind: 'open'; readonly everyMs: number; readonly end: RunSeconds };

export type RunEnd = RunSeconds | { readonly kind: 'ticks'; readonly ticksEach: number };

export interface RunSeconds {
  readonly kind: 'seconds';
  readonly warmUp: number;
  readonly measured: number;
}

export interface LoadConfig {
  readonly url: string;
  readonly token: string;
  readonly transport: Transport;
  readonly rows: LoadRows;
  readonly sessions: readonly string[];
  readonly pace: Pace;
  readonly seed: number;
}

export interface LoadResult {
  /** Acknowledged as durable inside the measured window; all of the run where it counts ticks. */
  readonly ticks: number;
  readonly rows: number;
  readonly seconds: number;
  readonly bytes: number;
  readonly rejected: number;
  /** Latencies of measured ticks: from when each was due (open) or sent (closed) to its answer. */
  readonly latenciesMs: Float64Array;
  /** Open only: how long after it was due a tick was sent. */
  readonly lateMs: Float64Array;
  /** Processor seconds of this process during the whole run. */
  readonly cpuSeconds: number;
}

export type ToLoad =
  | { readonly kind: 'prepare'; readonly config: LoadConfig }
  | { readonly kind: 'run' };

export type FromLoad =
  | { readonly kind: 'ready' }
  | { readonly kind: 'result'; readonly result: LoadResult }
  | { readonly kind: 'failed'; readonly message: string };
