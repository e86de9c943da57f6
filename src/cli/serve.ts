import type { Command } from 'commander';
import { TitleBook } from '../titles/title-book.ts';
import { UsageError, verb } from './fail.ts';
import { loadTitles, refuseMendsOfSeveral } from './load-titles.ts';
import { addMendOptions, type MendFlags, mendsOf } from './mend-options.ts';
import { addSettingOptions, type SettingFlags, settingsOf } from './setting-options.ts';

export function addServe(program: Command): void {
  addMendOptions(addSettingOptions(program.command('serve')))
    .description(
      'Serve titles in production: with their manifests, and an OpenID provider of yours.',
    )
    .action(verb(serve));
}

async function serve(flags: SettingFlags & MendFlags): Promise<void> {
  const { truncateAt, acceptLostRows, ...settingFlags } = flags;
  const loaded = settingsOf(settingFlags, process.env);
  const { oidcIssuer, manifest, dataDir } = loaded.settings;
  if (oidcIssuer === null) {
    throw new UsageError(
      'serve needs --oidc-issuer (TICKLOOM_OIDC_ISSUER): there is no anonymous mode; "tickloom start" has an issuer of its own for trying things out',
    );
  }
  const isFirst = TitleBook.open(dataDir).entries().length === 0;
  if (manifest === null && isFirst) {
    throw new UsageError(
      "serve needs --manifest (TICKLOOM_MANIFEST) where its data directory has no title yet: the title's manifest, or a directory of several",
    );
  }
  const manifests = manifest === null ? [] : await loadTitles(manifest);
  const mends = mendsOf({ truncateAt, acceptLostRows });
  refuseMendsOfSeveral(manifests, mends);
  const { runServer } = await import('./run-server.ts');
  await runServer(loaded, { manifests, mode: 'serve', ...mends });
}
