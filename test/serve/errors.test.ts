import { expect, test } from 'vitest';
import { EngineError, type ErrorCode, errorCategories } from '../../engine/model/errors.ts';
import { statusOf } from '../../src/http/status.ts';
import { Metrics } from '../../src/telemetry/metrics.ts';
import { serveRoutes } from './http-front.ts';

async function answerTo(error: unknown) {
  const { url } = await serveRoutes(new Metrics(), [
    {
      methods: ['GET'],
      path: '/',
      endpoint: 'other',
      handle: () => Promise.reject(error),
    },
  ]);
  const response = await fetch(`${url}/`);
  return { response, text: await response.text() };
}

test('a bug answers INTERNAL and shows nothing of itself', async () => {
  const { response, text } = await answerTo(new TypeError('secret of /etc/passwd'));
  expect(response.status).toBe(500);
  expect(JSON.parse(text)).toMatchObject({
    errors: [
      {
        extensions: {
          code: 'INTERNAL',
          category: 'internal',
          retryable: false,
          requestId: response.headers.get('x-request-id'),
        },
      },
    ],
  });
  expect(text).not.toMatch(/secret|passwd|TypeError/);
});

test('an error of the contract tells all a client needs, and nothing of its cause', async () => {
  const { response, text } = await answerTo(
    new EngineError('RATE_LIMITED', 'too fast', {
      retryAfterMs: 1_500,
      details: { limit: 5 },
      cause: new Error('secret'),
    }),
  );
  expect([response.status, response.headers.get('retry-after')]).toEqual([429, '2']);
  expect(JSON.parse(text).errors[0]).toMatchObject({
    message: 'too fast',
    extensions: {
      code: 'RATE_LIMITED',
      category: 'overload',
      retryable: true,
      retryAfterMs: 1_500,
      details: { limit: 5 },
    },
  });
  expect(text).not.toContain('secret');
});

test('every code has one of the statuses of the contract', () => {
  for (const code of Object.keys(errorCategories) as ErrorCode[]) {
    // Clients of registered operations read this one as an answer, and send the text after it.
    if (code === 'PERSISTED_QUERY_NOT_FOUND') continue;
    expect([400, 401, 403, 404, 409, 413, 429, 500, 503]).toContain(statusOf(code));
  }
});
