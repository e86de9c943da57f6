import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Command } from 'commander';
import { manifestHash, parseManifest, serializeManifest } from '../../engine/index.ts';
import type { TitleManifest } from '../../engine/model/types.ts';
import { verb } from './fail.ts';
import { loadManifest } from './load-manifest.ts';
import {
  addRemoteOptions,
  type RemoteFlags,
  remoteTitle,
  remoteToken,
  request,
  sandboxRoles,
  titleUrl,
} from './remote.ts';

interface GenerateFlags extends RemoteFlags {
  readonly out: string;
  readonly manifest?: string;
  readonly operations?: readonly string[];
  readonly operationsOut: string;
  readonly json?: true;
}

export function addGenerate(program: Command): void {
  const generate = program.command('generate').description('Generate source from a title.');
  addRemoteOptions(generate.command('sdk'))
    .description("Write a title's typed TypeScript client.")
    .requiredOption('--out <file>', 'Where to write it.')
    .option(
      '--manifest <file>',
      'Take the manifest from this file (.ts, .js or .json) instead of a server.',
    )
    .option(
      '--operations <files...>',
      "Write a list of operations, too: those of the client, and those in these files, such as 'src/**/*.graphql'.",
    )
    .option('--operations-out <file>', 'Where to write that list.', 'operations.json')
    .option('--json', 'Print what was written as one line of JSON.')
    .action(verb(generateSdkFile));
}

async function generateSdkFile(flags: GenerateFlags): Promise<void> {
  const manifest = await (flags.manifest === undefined
    ? fetchManifest(flags)
    : loadManifest(flags.manifest));
  const { generateSdk } = await import('@tickloom/sdk/generate');
  const list = flags.operations && (await operationList(flags.operations, manifest));
  const source = generateSdk(manifest, { manifestHash: manifestHash(manifest) });
  write(flags.out, source);
  if (list !== undefined) write(flags.operationsOut, list.text);
  const lines = source.split('\n').length - 1;
  const { title, version } = manifest;
  process.stdout.write(
    flags.json
      ? `${JSON.stringify({ out: flags.out, title, version, lines, operations: list?.count ?? null })}\n`
      : `${flags.out}: the client of "${title}", version ${version}, ${lines} lines\n`,
  );
  if (list === undefined || flags.json) return;
  process.stdout.write(`${flags.operationsOut}: ${list.count} operations by their SHA-256\n`);
}

/** The operations of the client, and of the files. Throws for what is not valid, before anything is written. */
async function operationList(
  patterns: readonly string[],
  manifest: TitleManifest,
): Promise<{ readonly text: string; readonly count: number }> {
  const { operationDocuments, operationListText } = await import('./operation-files.ts');
  const { sdkOperations } = await import('@tickloom/sdk/generate');
  const own = sdkOperations(JSON.parse(serializeManifest(manifest)));
  const documents = [...own, ...(await operationDocuments(patterns, manifest))];
  return { text: operationListText(documents), count: new Set(documents).size };
}

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

/** In the sandbox any role may read the manifest, so none need be given. */
async function fetchManifest(flags: GenerateFlags): Promise<TitleManifest> {
  const remote = remoteTitle(flags);
  const isAnonymous = flags.token === undefined && flags.role === undefined;
  const [role] = isAnonymous ? await sandboxRoles(remote) : [];
  const token = await remoteToken(role === undefined ? flags : { ...flags, role }, remote);
  const response = await request(titleUrl(remote, 'manifest.json'), {
    headers: { authorization: `Bearer ${token}` },
  });
  return parseManifest(await response.text());
}
