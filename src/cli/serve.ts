import type { Command } from 'commander';
import { UsageError, verb } from './fail.ts';
import { loadManifest } from './load-manifest.ts';
import { addMendOptions, type MendFlags, mendsOf } from './mend-options.ts';
import { addSettingOptions, type SettingFlags, settingsOf } from './setting-options.ts';

export function addServe(program: Command): void {
  addMendOptions(addSettingOptions(program.command('serve')))
    .description('Serve a title in production: with its manifest, and an OpenID provider of yours.')
    .action(verb(serve));
}

async function serve(flags: SettingFlags & MendFlags): Promise<void> {
  const { truncateAt, acceptLostRows, ...settingFlags } = flags;
  const loaded = settingsOf(settingFlags, process.env);
  const { oidcIssuer, manifest } = loaded.settings;
  if (oidcIssuer === null) {
    throw new UsageError(
      'serve needs --oidc-issuer (TICKLOOM_OIDC_ISSUER): there is no anonymous mode; "tickloom start" has an issuer of its own for trying things out',
    );
  }
  if (manifest === null) {
    throw new UsageError("serve needs --manifest (TICKLOOM_MANIFEST): the title's manifest");
  }
  const title = await loadManifest(manifest);
  const { runServer } = await import('./run-server.ts');
  await runServer(loaded, {
    manifest: title,
    mode: 'serve',
    ...mendsOf({ truncateAt, acceptLostRows }),
  });
}
