import { serverAudits } from 'graphql-http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Sandbox } from './sandbox.ts';

let sandbox: Sandbox;

beforeAll(async () => {
  sandbox = await Sandbox.start();
});
afterAll(() => sandbox.stop());

/** The audit of the specification, every point of it: what MUST, what SHOULD and what MAY hold. */
const audits = serverAudits({
  url: () => `${sandbox.url}/ashfall/graphql`,
  fetchFn: async (url: string, init: RequestInit = {}) =>
    fetch(url, {
      ...init,
      headers: {
        ...(await sandbox.authorization('liveops')),
        ...(init.headers as Record<string, string>),
      },
    }),
});

describe('GraphQL over HTTP', () => {
  test('is audited', () => expect(audits.length).toBeGreaterThanOrEqual(61));

  test.each(audits.map((audit) => [`${audit.id}: ${audit.name}`, audit] as const))(
    '%s',
    async (_name, audit) => {
      const result = await audit.fn();
      expect(result.status, 'reason' in result ? result.reason : '').toBe('ok');
    },
  );
});
