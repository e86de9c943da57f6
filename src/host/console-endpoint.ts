import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { extname, join, relative, sep } from 'node:path';
import { EngineError } from '../../engine/model/errors.ts';
import { type CompressedForms, isKnown, sendBody } from '../http/respond.ts';
import type { Handler } from '../http/route.ts';
import type { Metrics } from '../telemetry/metrics.ts';

interface Asset {
  readonly content: Buffer;
  readonly contentType: string;
  readonly etag: string;
  readonly compressed?: CompressedForms;
}

const contentTypes: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
};

/** The page runs its own files only, talks to its own server only, and cannot be framed. */
const pageHeaders = {
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "font-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cache-control': 'no-cache',
};

/**
 * `GET /console` and what lies under it: the files of the directory, read once. Only what was
 * found then is served, so no path of a request ever reaches the file system.
 */
export function consoleEndpoint(directory: string, metrics: Metrics): Handler {
  const assets = readAssets(directory);
  return async (exchange, { '*': name = '' }) => {
    const { response } = exchange;
    const isRoot = name === '';
    if (isRoot && !exchange.pathname.endsWith('/')) {
      // The page names its files relative to itself.
      response.writeHead(308, { location: '/console/' }).end();
      return;
    }
    const asset = assets.get(isRoot ? 'index.html' : name);
    if (asset === undefined) throw new EngineError('NOT_FOUND', 'the console has no such file');
    const headers = { ...pageHeaders, etag: asset.etag };
    if (isKnown(exchange, asset.etag)) {
      response.writeHead(304, headers).end();
      return;
    }
    await sendBody(exchange, metrics, { ...asset, headers });
  };
}

function readAssets(directory: string): ReadonlyMap<string, Asset> {
  const assets = new Map<string, Asset>();
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    const contentType = contentTypes[extname(entry.name)];
    if (!entry.isFile() || contentType === undefined) continue;
    const path = join(entry.parentPath, entry.name);
    const content = readFileSync(path);
    const digest = createHash('sha256').update(content).digest('base64url');
    assets.set(relative(directory, path).split(sep).join('/'), {
      content,
      contentType,
      etag: `"${digest.slice(0, 24)}"`,
      ...(/^(text|application)\//.test(contentType) ? { compressed: new Map() } : {}),
    });
  }
  return assets;
}
