/** Two-account transfers as a load makes them, in a closed loop. */
export interface TransferConfig {
  /** Through the SDK, or by POST to the web server before PostgreSQL. */
  readonly target:
    | {
        readonly kind: 'sdk';
        readonly url: string;
        readonly token: string;
        readonly clients: number;
      }
    | { readonly kind: 'web'; readonly port: number };
  readonly accounts: number;
  /** How skewed the picked accounts are (Zipf); 0: uniform. */
  readonly exponent: number;
  readonly clients: number;
  /** Transfers of one client on their way at a time. */
  readonly window: number;
  readonly warmUp: number;
  readonly seconds: number;
  /** What the ids begin with: two loads make no transfer of the same id. */
  readonly name: string;
}

export type ToTransfers =
  | { readonly kind: 'open'; readonly config: TransferConfig; readonly balance: number }
  | { readonly kind: 'run'; readonly config: TransferConfig };

export interface TransferResult {
  readonly transfers: number;
  readonly rejected: number;
  readonly seconds: number;
  readonly latenciesMs: Float64Array;
  readonly cpuSeconds: number;
}

export type FromTransfers =
  | { readonly kind: 'opened' }
  | { readonly kind: 'result'; readonly result: TransferResult }
  | { readonly kind: 'failed'; readonly message: string };

export interface ToPostgresWeb {
  readonly kind: 'start';
  /** Where PostgreSQL's socket is. */
  readonly directory: string;
  readonly pool: number;
  readonly accounts: number;
  readonly balance: number;
}

export type FromPostgresWeb =
  | { readonly kind: 'listening'; readonly port: number }
  | { readonly kind: 'failed'; readonly message: string };
