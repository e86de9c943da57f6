/** What a request of somebody meets before, and while, it is answered. */
export const guards = ['verification', 'permission', 'quota', 'audit'] as const;

export type Guard = (typeof guards)[number];

/** Has these guards do their work from now on, and the others answer at once. */
export interface ToGuardedServer {
  readonly kind: 'guard';
  readonly by: readonly Guard[];
}

export interface FromGuardedServer {
  readonly kind: 'guarded';
  /** Processor time of the server's process so far. */
  readonly cpuMicroseconds: number;
}

/** The match whose rows are read. */
export const readMatch = 'read';
/** The player whose rows they are. */
export const readerId = 7;
