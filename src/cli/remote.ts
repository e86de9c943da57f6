import type { Command } from 'commander';
import { readSecretFile } from '../config/secret-file.ts';
import { serverUrlOf } from '../http/server-url.ts';
import { UsageError } from './fail.ts';

/** Flags of the verbs that talk to a running server. */
export interface RemoteFlags {
  readonly url: string;
  readonly title?: string;
  readonly token?: string;
  readonly role?: string;
}

export function addRemoteOptions(command: Command): Command {
  return command
    .option(
      '--url <url>',
      'The server, with or without the path of its title. [TICKLOOM_URL, or TICKLOOM_HOST and TICKLOOM_PORT]',
      serverUrlOf(process.env),
    )
    .option(
      '--title <title>',
      "The title, where the URL does not name it. (default: the server's only one)",
    )
    .option(
      '--token <token>',
      'A bearer token; better in the environment, as others can list flags. [TICKLOOM_TOKEN, or a file named by TICKLOOM_TOKEN_FILE]',
      process.env.TICKLOOM_TOKEN,
    )
    .option('--role <role>', 'Ask the sandbox for a token of this role, instead of --token.');
}

/** A title on a server: `http://host:4800/ashfall`, `…/ashfall/graphql` or `http://host:4800`. */
export interface RemoteTitle {
  readonly origin: string;
  /** Null: the server's only one. */
  readonly title: string | null;
}

export function remoteTitle(flags: Pick<RemoteFlags, 'url' | 'title'>): RemoteTitle {
  if (!URL.canParse(flags.url)) throw new UsageError(`--url is "${flags.url}"; it must be a URL`);
  const url = new URL(flags.url);
  const named = url.pathname.split('/').find((part) => part !== '' && part !== 'graphql');
  return { origin: url.origin, title: flags.title ?? named ?? null };
}

/** The URL of a path of the title. */
export function titleUrl({ origin, title }: RemoteTitle, path: string): string {
  return title === null ? `${origin}/${path}` : `${origin}/${title}/${path}`;
}

/** The token given, or one of the sandbox. Throws `UsageError` when neither can be had. */
export async function remoteToken(flags: RemoteFlags, remote: RemoteTitle): Promise<string> {
  const file = process.env.TICKLOOM_TOKEN_FILE;
  if (flags.role === undefined) {
    if (flags.token !== undefined) return flags.token;
    if (file !== undefined) return tokenIn(file);
    throw new UsageError(
      'give TICKLOOM_TOKEN (or TICKLOOM_TOKEN_FILE, or --token), or --role for a token of the sandbox',
    );
  }
  return sandboxToken(remote, { role: flags.role, subject: 'tickloom-cli' });
}

function tokenIn(file: string): string {
  try {
    return readSecretFile(file);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new UsageError(`TICKLOOM_TOKEN_FILE must be ${error.message}`);
  }
}

export async function sandboxToken(
  { origin, title }: RemoteTitle,
  parameters: Readonly<Record<string, string>>,
): Promise<string> {
  const query = new URLSearchParams({ ...(title === null ? {} : { title }), ...parameters });
  const response = await request(`${origin}/sandbox/token?${query}`, { method: 'POST' });
  return response.text();
}

/** The roles that the sandbox gives tokens of, in the manifest's order. */
export async function sandboxRoles({ origin, title }: RemoteTitle): Promise<string[]> {
  const response = await request(`${origin}/sandbox/titles`);
  const { titles } = (await response.json()) as {
    readonly titles: readonly { title: string; roles: readonly { name: string }[] }[];
  };
  const chosen = titles.find((one) => title === null || one.title === title);
  return chosen?.roles.map(({ name }) => name) ?? [];
}

/** `fetch` whose failures say what to do about them. */
export async function request(url: string, init: RequestInit = {}): Promise<Response> {
  const response = await fetch(url, init).catch((error: unknown) => {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    throw new Error(
      `no answer from ${new URL(url).origin}: ${String(cause)}; is the server running?`,
    );
  });
  if (!response.ok) throw new Error(await refusalOf(response));
  return response;
}

async function refusalOf(response: Response): Promise<string> {
  const text = await response.text();
  try {
    const { errors } = JSON.parse(text) as {
      errors: readonly { message: string; extensions: { code: string } }[];
    };
    return errors.map(({ message, extensions }) => `${extensions.code}: ${message}`).join('; ');
  } catch {
    return `${new URL(response.url).pathname} answered ${response.status}`;
  }
}
