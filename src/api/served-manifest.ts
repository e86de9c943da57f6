import { describeTitle } from '@tickloom/sdk/generate';
import { manifestHash } from '../../engine/index.ts';
import { EngineError } from '../../engine/model/errors.ts';
import type { TitleManifest } from '../../engine/model/types.ts';

/**
 * The manifest that a title is served by, to clients that were made for one. What part of it a client
 * uses only that client knows: one that names another manifest is refused before anything is done,
 * and told what is served in the terms of its own code, so that it can tell what no longer fits and
 * what was only added.
 */
export class ServedManifest {
  readonly #hash: string;
  readonly #refusal: EngineError;

  constructor(manifest: TitleManifest) {
    this.#hash = manifestHash(manifest);
    this.#refusal = new EngineError(
      'SCHEMA_MISMATCH',
      `x-tickloom-manifest names another manifest than "${manifest.title}" has, which is ${this.#hash}: compare with details.served, or generate the SDK again: npx tickloom generate sdk --url <server> --title ${manifest.title} --out <file>`,
      { details: { manifest: this.#hash, served: describeTitle(manifest) } },
    );
  }

  /** Throws `SCHEMA_MISMATCH` where a request names another one; `named` is its header, if it has any. */
  check(named: unknown): void {
    if (named !== undefined && named !== this.#hash) throw this.#refusal;
  }
}
