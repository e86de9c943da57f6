/** The attacks, by what each makes a server spend. */
export const attackNames = [
  'costly conditions',
  'long lists of values',
  'aliases of a scan',
  'orderBy of 500,000',
  'costly subscriptions',
  'unsigned sockets',
  'huge documents',
] as const;

export type AttackName = (typeof attackNames)[number];

export interface Attack {
  readonly name: AttackName;
  readonly url: string;
  /** The token of a player, whose own rows the attacks read. */
  readonly authorization: string;
  /** Requests, or sockets, on their way at a time. */
  readonly lanes: number;
}

export type ToAttacker =
  | { readonly kind: 'begin'; readonly attack: Attack }
  | { readonly kind: 'stop' };

export type FromAttacker =
  /** Its first requests are on their way. */
  | { readonly kind: 'begun' }
  | {
      readonly kind: 'result';
      /** Requests, subscriptions or sockets that were answered. */
      readonly answers: number;
      /** How many with each code; `OK` for what was served. */
      readonly codes: Readonly<Record<string, number>>;
    }
  | { readonly kind: 'failed'; readonly message: string };

/** The match whose rows belong to the attacker. */
export const attackedMatch = 'attacked';
