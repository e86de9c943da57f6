import { EncryptJWT, jwtDecrypt } from 'jose';
import { servingLimits } from '../serving-limits.ts';

/** A sign-in that waits for its browser to come back from the provider. */
export interface PendingSignIn {
  readonly state: string;
  readonly nonce: string;
  readonly codeVerifier: string;
  /** The page to go to then. */
  readonly returnTo: string;
}

/**
 * Keeps a sign-in in a cookie of the browser that began it, sealed by a key of this process: nobody
 * fills the server's memory by beginning sign-ins, and a code that another browser got fits none here.
 */
export class PendingSignIns {
  readonly #key = crypto.getRandomValues(new Uint8Array(32));

  async seal(pending: PendingSignIn): Promise<string> {
    return new EncryptJWT({ ...pending })
      .setProtectedHeader({ alg: 'dir', enc: 'A256GCM' })
      .setExpirationTime(new Date(Date.now() + servingLimits.consoleSignInMs))
      .encrypt(this.#key);
  }

  /** Null for what was not sealed here, or is too old. */
  async open(sealed: string): Promise<PendingSignIn | null> {
    try {
      const { payload } = await jwtDecrypt(sealed, this.#key, {
        keyManagementAlgorithms: ['dir'],
        contentEncryptionAlgorithms: ['A256GCM'],
      });
      return payload as unknown as PendingSignIn;
    } catch {
      return null;
    }
  }
}
