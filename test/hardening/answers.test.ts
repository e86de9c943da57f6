import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadSettings } from '../../src/config/load-settings.ts';
import { Sandbox } from '../serve/sandbox.ts';
import { serveTitle } from '../serve/served.ts';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await Sandbox.start();
});
afterAll(() => sandbox.stop());

const data = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
};

describe('every answer is data that no page may frame, sniff or keep', () => {
  test.each<[string, string, RequestInit]>([
    ['of GraphQL', '/ashfall/graphql?query={__typename}', {}],
    [
      'that refuses a token',
      '/ashfall/graphql?query={__typename}',
      { headers: { authorization: 'Bearer x' } },
    ],
    ['of a path that there is not', '/nowhere', {}],
    ['of a wrong method', '/healthz', { method: 'POST' }],
    ['of a commit', '/ashfall/sessions/x/ticks/1', { method: 'POST', body: 'x' }],
    ['of health', '/healthz', {}],
    ['of readiness', '/readyz', {}],
    ['of metrics', '/metrics', {}],
    [
      'with a token of the sandbox',
      '/sandbox/token?title=ashfall&role=liveops&subject=x',
      { method: 'POST' },
    ],
    ['of the manifest', '/ashfall/manifest.json', {}],
    ['to an export link', '/ashfall/exports/x?expires=1&signature=x', {}],
  ])('%s', async (_name, path, init) => {
    const headers = { ...(await sandbox.authorization('liveops')), ...init.headers };
    const response = await fetch(`${sandbox.url}${path}`, { ...init, headers });
    expect(Object.fromEntries(response.headers)).toMatchObject(data);
    const kept = path.endsWith('manifest.json') ? 'private, no-cache' : /no-store/;
    expect(response.headers.get('cache-control')).toMatch(kept);
    expect(response.headers.get('strict-transport-security')).toBeNull();
    expect(response.headers.get('x-powered-by') ?? response.headers.get('server')).toBeNull();
  });

  test('also those that are written before there is a request, or to an upgrade', async () => {
    const upgrade =
      'GET /nowhere HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n';
    for (const bytes of ['nonsense\r\n\r\n', upgrade]) {
      const socket = connect(Number(new URL(sandbox.url).port), '127.0.0.1');
      socket.write(bytes);
      const [answer] = await once(socket, 'data');
      for (const [name, value] of Object.entries(data)) {
        expect(String(answer)).toContain(`${name}: ${value}`);
      }
    }
  });
});

test('the console is a page of its own server that nobody frames', async () => {
  const { headers } = await fetch(`${sandbox.url}/console/`);
  expect(headers.get('content-security-policy')).toMatch(
    /script-src 'self'.*frame-ancestors 'none'/,
  );
  expect(headers.get('cache-control')).toBe('no-cache');
  expect(headers.get('x-content-type-options')).toBe('nosniff');
  expect(headers.get('cross-origin-opener-policy')).toBe('same-origin');
});

describe('browsers are told to come by HTTPS alone', () => {
  const issuer = { oidcIssuer: 'http://127.0.0.1:1' };

  test('where a setting says so, for as long', async () => {
    const flags = { ...issuer, hstsSeconds: '31536000', publicUrl: 'https://game.example' };
    const { url } = await serveTitle(flags);
    const { headers } = await fetch(`${url}/healthz`);
    expect(headers.get('strict-transport-security')).toBe('max-age=31536000');
  });

  test('and not where nothing ends TLS before the server', () => {
    const load = (publicUrl?: string) =>
      loadSettings({
        flags: { ...issuer, hstsSeconds: '60', ...(publicUrl && { publicUrl }) },
        environment: {},
        configFile: null,
      });
    for (const publicUrl of [undefined, 'http://game.example']) {
      expect(() => load(publicUrl)).toThrow(
        '--hsts-seconds (TICKLOOM_HSTS_SECONDS) needs a --public-url that begins https://',
      );
    }
    expect(load('https://game.example').settings.hstsSeconds).toBe(60);
  });
});
