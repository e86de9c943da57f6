/** A provider whose tokens are taken, and what they must be. */
export interface TrustedIssuer {
  /** Its URL, exactly as its tokens name it in `iss`. */
  readonly issuer: string;
  /** A token names one of them at least in `aud`. */
  readonly audiences: readonly string[];
  readonly claims: ClaimNames;
  /** The titles that its tokens may open; null: whichever they name. */
  readonly titles: readonly string[] | null;
  /**
   * Stands before the subject of its tokens. A subject is somebody within one issuer only: what two
   * issuers call "7" are two people.
   */
  readonly subjectPrefix: string;
  readonly algorithms: readonly SigningAlgorithm[];
  /** How far its clock may be from this one. */
  readonly clockToleranceSeconds: number;
  /** Null: the provider is asked for its keys alone. */
  readonly introspection: IntrospectionClient | null;
}

/**
 * The claims that say who somebody is here. A name is that of a claim (names that are URLs hold
 * dots), else a dotted path into objects.
 */
export interface ClaimNames {
  /** A text or a list of texts. */
  readonly role: string;
  /** Null: the issuer's tokens name no title, and open those that it is trusted for. */
  readonly title: string | null;
  /** Names that row rules use, by the claim each is taken from; others have the name of their claim. */
  readonly attributes: Readonly<Record<string, string>>;
}

/** This server as a client of the provider, which alone may ask about tokens. */
export interface IntrospectionClient {
  readonly clientId: string;
  readonly clientSecret: string;
  /** `opaque`: tokens that are no JWT are asked for; `jwt`: those that are; `all`: both. */
  readonly asks: 'opaque' | 'jwt' | 'all';
}

/**
 * Asymmetric ones alone: with a shared secret whoever verifies could also issue, and a public key
 * taken for such a secret would let everybody.
 */
export const signingAlgorithms = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
] as const;

export type SigningAlgorithm = (typeof signingAlgorithms)[number];

export const noAttributes: ClaimNames['attributes'] = {};
