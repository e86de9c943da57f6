/** What a process that holds subscribers is told, and says. */
export interface FanoutConfig {
  /** `ws://…`, the endpoint that speaks `graphql-transport-ws`. */
  readonly url: string;
  /** The token of `connection_init`; null: a server that asks for none and sends at once. */
  readonly authorization: string | null;
  readonly query: string;
  /** Sockets take these in turn, one each. */
  readonly variables: readonly unknown[];
  readonly sockets: number;
}

export type ToSubscribers =
  | { readonly kind: 'open'; readonly config: FanoutConfig }
  /** Forgets what came so far and counts from now on. */
  | { readonly kind: 'measure' }
  | { readonly kind: 'result' };

export interface FanoutResult {
  /** Messages that came, each to one subscriber. */
  readonly frames: number;
  /** By match and tick: when the frame came to each subscriber, in milliseconds since the epoch. */
  readonly arrivals: readonly { readonly of: string; readonly atMs: Float64Array }[];
  /** One whole message, as it came. */
  readonly sample: string;
  readonly cpuSeconds: number;
}

export type FromSubscribers =
  | { readonly kind: 'ready' }
  | { readonly kind: 'result'; readonly result: FanoutResult }
  | { readonly kind: 'failed'; readonly message: string };

/** What the bare server is told: it sends the text to every socket it has, so often. */
export type ToBareServer =
  | { readonly kind: 'send'; readonly text: string; readonly everyMs: number }
  | { readonly kind: 'stop' };

export type FromBareServer = { readonly kind: 'listening'; readonly port: number };

/** Milliseconds since the epoch, the same in every process of the machine, finer than `Date`. */
export function epochMs(): number {
  return performance.timeOrigin + performance.now();
}
