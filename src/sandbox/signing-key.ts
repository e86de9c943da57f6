import {
  calculateJwkThumbprint,
  exportJWK,
  generateKeyPair,
  importJWK,
  type JWK,
  type JWTPayload,
  SignJWT,
} from 'jose';
import { damagedFile, readPrivately, writePrivately } from '../storage/private-file.ts';

export const algorithm = 'ES256';

/** The key that the sandbox's provider signs with, kept in a file. */
export class SigningKey {
  readonly #jwk: JWK;

  private constructor(jwk: JWK) {
    this.#jwk = jwk;
  }

  static async open(path: string): Promise<SigningKey> {
    return new SigningKey(await keyFromFile(path));
  }

  /** What verifies tokens. */
  get publicKey(): JWK {
    const { d: _secret, ...publicKey } = this.#jwk;
    return publicKey;
  }

  /** `type`: `at+jwt` for an access token. */
  async sign(claims: JWTPayload, type: 'at+jwt' | 'JWT', seconds: number): Promise<string> {
    return new SignJWT(claims)
      .setProtectedHeader({ alg: algorithm, kid: this.#jwk.kid ?? '', typ: type })
      .setIssuedAt()
      .setExpirationTime(`${seconds}s`)
      .sign(await importJWK(this.#jwk, algorithm));
  }
}

async function keyFromFile(path: string): Promise<JWK> {
  const kept = readPrivately(path);
  if (kept !== null) return parseKey(path, kept.toString('utf8'));
  const { privateKey } = await generateKeyPair(algorithm, { extractable: true });
  const jwk = await exportJWK(privateKey);
  const key = {
    ...jwk,
    alg: algorithm,
    use: 'sig',
    kid: await calculateJwkThumbprint(jwk),
  };
  writePrivately(path, JSON.stringify(key));
  return key;
}

/** Throws, with the file's path, for anything that cannot sign. */
async function parseKey(path: string, text: string): Promise<JWK> {
  try {
    const key = JSON.parse(text) as JWK;
    const imported = await importJWK(key, algorithm);
    if (imported instanceof Uint8Array || imported.type !== 'private') {
      throw new TypeError('it holds no private key');
    }
    return key;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw damagedFile(path, reason, 'tokens that this sandbox gave before are valid no longer');
  }
}
