import type { Command } from 'commander';
import { ashfall } from '../sandbox/ashfall.ts';
import { verb } from './fail.ts';
import { loadManifest } from './load-manifest.ts';
import { runServer } from './run-server.ts';
import {
  addSettingOptions,
  type SettingFlags,
  settingsOf,
  truncateAtOf,
} from './setting-options.ts';

export function addStart(program: Command): void {
  addSettingOptions(program.command('start'))
    .description(
      'Start the sandbox: one node with everything embedded, the reference title, and an identity provider that gives tokens to this machine.',
    )
    .option('--json', 'Tell where it listens as one line of JSON.')
    .action(verb(start));
}

async function start({ json, ...flags }: SettingFlags & { json?: true }): Promise<void> {
  const loaded = settingsOf(flags, process.env);
  const path = loaded.settings.manifest;
  const manifest = path === null ? ashfall : await loadManifest(path);
  const server = await runServer(loaded, {
    manifest,
    mode: 'sandbox',
    truncateAt: truncateAtOf(flags),
  });
  const readyMs = Math.round(performance.now());
  const { url, title } = server;
  if (json) {
    process.stdout.write(`${JSON.stringify({ url, title, readyMs })}\n`);
    return;
  }
  process.stdout.write(
    `${[
      '',
      `  Tickloom sandbox, title "${title}"`,
      '',
      `  API       ${url}/${title}/graphql`,
      `  Console   ${url}/console`,
      `  Metrics   ${url}/metrics`,
      `  Token     npx tickloom token --role liveops${urlFlag(loaded.settings.port, url)}`,
      `            curl -X POST '${url}/sandbox/token?title=${title}&role=liveops&subject=me'`,
      '',
      `  ready in ${readyMs} ms`,
      '',
    ].join('\n')}\n`,
  );
}

function urlFlag(port: number, url: string): string {
  return port === 4800 ? '' : ` --url ${url}`;
}
