import { EngineError } from '../../engine/model/errors.ts';
import type { Exchange } from '../http/exchange.ts';
import { isOfOwnPage } from '../http/own-page.ts';
import { sendBody, sendJson } from '../http/respond.ts';
import type { Handler, Route } from '../http/route.ts';
import type { TitleRoles } from '../identity/principal.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { ConsoleSession } from './console-session.ts';
import type { ConsoleSignIn } from './console-sign-in.ts';
import { problemPage } from './problem-page.ts';

export interface ConsoleRoutesOptions {
  /** Null: people do not sign in here. */
  readonly signIn: ConsoleSignIn | null;
  /** The titles that somebody may open, with the roles that are his there. */
  readonly titlesOf: (session: ConsoleSession) => readonly TitleRoles[];
  readonly metrics: Metrics;
  readonly logger: Logger;
}

const noStore = { 'cache-control': 'no-store' };

/** What the console's page asks of who is signed in, and where a browser signs in and out. */
export function consoleSignInRoutes(options: ConsoleRoutesOptions): Route[] {
  const { signIn, metrics } = options;
  const route = (method: string, path: string, handle: Handler): Route => ({
    methods: [method],
    path,
    endpoint: 'console',
    handle,
  });
  if (signIn === null) {
    const nobody: Handler = (exchange) =>
      sendJson(exchange, metrics, { signIn: null, session: null }, { headers: noStore });
    return [route('GET', '/console/session', nobody)];
  }
  return [
    route('GET', '/console/session', (exchange) => answerSession(exchange, signIn, options)),
    route('GET', '/console/sign-in', (exchange) => begin(exchange, signIn)),
    route('GET', '/console/sign-in/callback', (exchange) => finish(exchange, signIn, options)),
    route('POST', '/console/sign-out', async (exchange) => {
      refuseOtherPages(exchange, signIn);
      const { cookies, location } = await signIn.end(exchange.request.headers);
      exchange.response.setHeader('set-cookie', cookies);
      await sendJson(exchange, metrics, { location }, { headers: noStore });
    }),
  ];
}

/** Tells who is signed in, and renews the cookie of who is. */
async function answerSession(
  exchange: Exchange,
  signIn: ConsoleSignIn,
  { titlesOf, metrics }: ConsoleRoutesOptions,
): Promise<void> {
  const { headers } = exchange.request;
  // Whoever opens the address itself is told no more than a stranger.
  const isOwn = isOfOwnPage(headers, signIn.origin);
  const session = isOwn ? await signIn.session(headers) : null;
  const cookies = isOwn ? signIn.renewedCookie(headers, session) : null;
  if (cookies !== null) exchange.response.setHeader('set-cookie', cookies);
  const body = {
    signIn: { issuer: signIn.issuer },
    session: session && {
      subject: session.subject,
      endsAt: new Date(session.lastsUntilMs).toISOString(),
      titles: titlesOf(session),
    },
  };
  await sendJson(exchange, metrics, body, { headers: noStore });
}

async function begin(exchange: Exchange, signIn: ConsoleSignIn): Promise<void> {
  const { request, response, query } = exchange;
  const dest = request.headers['sec-fetch-dest'];
  if (dest !== undefined && dest !== 'document') {
    throw new EngineError('FORBIDDEN', 'a sign-in is begun by opening this address, as a page');
  }
  const { location, cookies } = await signIn.begin(request.headers, query.get('to'));
  if (cookies.length > 0) response.setHeader('set-cookie', cookies);
  response.writeHead(303, { location, ...noStore, 'referrer-policy': 'no-referrer' }).end();
}

async function finish(
  exchange: Exchange,
  signIn: ConsoleSignIn,
  { metrics, logger }: ConsoleRoutesOptions,
): Promise<void> {
  const { request, response, query, requestId } = exchange;
  const outcome = await signIn.finish(request.headers, query);
  response.setHeader('set-cookie', outcome.cookies);
  metrics.registry.consoleSignIns.inc({ outcome: outcome.kind });
  if (outcome.kind === 'signed-in') {
    logger.info({ requestId }, 'somebody signed in to the console');
    response.writeHead(303, { location: outcome.location, ...noStore }).end();
    return;
  }
  const { problem, status, cause } = outcome;
  logger.warn({ requestId, problem, error: cause }, 'a sign-in to the console was refused');
  await sendBody(exchange, metrics, problemPage(status, problem));
}

function refuseOtherPages({ request }: Exchange, { origin }: ConsoleSignIn): void {
  if (isOfOwnPage(request.headers, origin)) return;
  throw new EngineError('FORBIDDEN', `this is asked by a page of ${origin} alone`);
}
