import type { Command } from 'commander';
import type { TitleManifest } from '../../engine/model/types.ts';
import { serverUrlOf } from '../http/server-url.ts';
import { verb } from './fail.ts';
import { loadTitles, refuseMendsOfSeveral } from './load-titles.ts';
import { addMendOptions, type MendFlags, mendsOf } from './mend-options.ts';
import { addSettingOptions, type SettingFlags, settingsOf } from './setting-options.ts';

export function addStart(program: Command): void {
  addMendOptions(addSettingOptions(program.command('start')))
    .description(
      'Start the sandbox: one node with everything embedded, the reference title, and an identity provider that gives tokens to this machine.',
    )
    .option('--json', 'Tell where it listens as one line of JSON.')
    .action(verb(start));
}

interface StartFlags extends MendFlags {
  readonly json?: true;
}

async function start(flags: SettingFlags & StartFlags): Promise<void> {
  const { json, truncateAt, acceptLostRows, ...settingFlags } = flags;
  const loaded = settingsOf(settingFlags, process.env);
  const path = loaded.settings.manifest;
  // Only now: whoever asks for help need not wait for the whole server to load.
  const { runServer } = await import('./run-server.ts');
  const manifests = path === null ? [] : await loadTitles(path);
  const manifestsAtFirst = path === null ? await referenceTitle() : [];
  const mends = mendsOf({ truncateAt, acceptLostRows });
  refuseMendsOfSeveral(manifests, mends);
  const options = { manifests, manifestsAtFirst, mode: 'sandbox', ...mends } as const;
  const server = await runServer(loaded, options);
  const readyMs = Math.round(performance.now());
  const { url, metricsUrl, columnsIsolation: isolation } = server;
  const served = server.titles.manifests();
  const titles = served.map(({ title }) => title);
  const [title = ''] = titles;
  if (json) {
    process.stdout.write(`${JSON.stringify({ url, title, titles, isolation, readyMs })}\n`);
    return;
  }
  const isOne = titles.length === 1;
  process.stdout.write(
    `${[
      '',
      `  Tickloom sandbox, ${titles.length === 0 ? 'no title' : `${isOne ? 'title' : 'titles'} ${titles.map((name) => `"${name}"`).join(', ')}`}`,
      '',
      ...titles.map((name, i) => `  ${i === 0 ? 'API      ' : '         '} ${url}/${name}/graphql`),
      `  Console   ${url}/console`,
      `  Metrics   ${metricsUrl}`,
      ...tokenLines(served, url),
      ...(isolation === null ? [] : [`  Isolation ${isolation}`]),
      '',
      `  ready in ${readyMs} ms`,
      '',
    ].join('\n')}\n`,
  );
}

async function referenceTitle(): Promise<readonly TitleManifest[]> {
  const { ashfall } = await import('../sandbox/ashfall.ts');
  return [ashfall];
}

/** How to get a token of the role that sees most of what happens. */
function tokenLines(manifests: readonly TitleManifest[], url: string): string[] {
  const [first, ...others] = manifests;
  if (first === undefined) return ['  Titles    none: npx tickloom title create <manifest>'];
  const { title, roles } = first;
  const titleFlag = others.length === 0 ? '' : ` --title ${title}`;
  const [role] = [...roles].sort((a, b) => b.views.length - a.views.length);
  if (role === undefined) return ['  Token     none: the manifest has no roles, so nobody gets in'];
  const urlFlag = url === serverUrlOf(process.env) ? '' : ` --url ${url}`;
  const names = roles.map(({ name }) => name).join(', ');
  return [
    `  Token     npx tickloom token --role ${role.name}${titleFlag}${urlFlag}`,
    `            curl -X POST '${url}/sandbox/token?title=${title}&role=${role.name}&subject=me'`,
    `  Roles     ${names}`,
  ];
}
