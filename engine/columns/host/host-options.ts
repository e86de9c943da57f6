/** What the parent hands to the child over their channel: nothing of it shows in `/proc`. */
export interface HostOptions {
  /** ClickHouse's data. One process at a time. */
  readonly dataDirectory: string;
  /** Bodies of inserts and pipes of answers; wiped at start. */
  readonly scratchDirectory: string;
  readonly socketPath: string;
  /** The password of the user `default`. */
  readonly secret: string;
  /** The most memory that all queries together may take. */
  readonly memoryBytesMax: number;
  readonly threadsMax: number;
  /** The most bytes of one answer that is not streamed. */
  readonly answerBytesMax: number;
  /** Nice value of the child and all its threads. */
  readonly niceness: number;
}

/** What the child tells the parent. */
export type HostMessage =
  | { readonly kind: 'ready' }
  | { readonly kind: 'failed'; readonly reason: string };

/**
 * What the parent tells the child: first of all to start, later to end, or to work when a processor
 * is idle from then on. The channel's end tells it to stop at once.
 */
export type ParentMessage =
  | { readonly kind: 'start'; readonly options: HostOptions }
  | { readonly kind: 'stop' | 'yield' };

/** Queries that run at the same time in the child; each needs a thread of the pool while it runs. */
export const queriesMax = 24;
/** Beside queries: inserts, kills, samples, files. */
export const poolThreads = queriesMax + 16;
