import { generateSdk } from '@tickloom/sdk/generate';
import { describe, expect, it } from 'vitest';
import { ashfall } from '../../src/sandbox/ashfall.ts';

/** As it comes over HTTP: plain JSON. */
const manifest: unknown = JSON.parse(JSON.stringify(ashfall));
const command = 'npx vitest run test/sdk/generate-sdk.test.ts --update';

describe('generateSdk', () => {
  it('makes the client that the examples use', async () => {
    const text = generateSdk(manifest, { command });
    await expect(text).toMatchFileSnapshot('../../examples/ashfall/tickloom.ts');
  });
});
