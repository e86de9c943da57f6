import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream } from 'node:stream/web';
import { type Command, Option } from 'commander';
import { UsageError, verb } from './fail.ts';
import { byteProgress } from './progress.ts';
import {
  addRemoteOptions,
  type RemoteFlags,
  remoteTitle,
  remoteToken,
  request,
  titleUrl,
} from './remote.ts';

interface ExportFlags extends RemoteFlags {
  readonly table?: string;
  readonly sql?: string;
  readonly where?: string;
  readonly columns?: string;
  readonly format: keyof typeof formats;
  readonly compression: string;
  readonly out?: string;
  readonly json?: true;
}

const formats = { 'arrow-stream': 'ARROW_STREAM', 'arrow-file': 'ARROW_FILE', parquet: 'PARQUET' };

const createExport = `mutation Export($input: CreateExportInput!) {
  createExport(input: $input) { id url expiresAt position format }
}`;

interface CreatedExport {
  readonly id: string;
  readonly url: string;
  readonly expiresAt: string;
  readonly position: string;
  readonly format: string;
}

export function addExport(program: Command): void {
  addRemoteOptions(program.command('export'))
    .description('Export rows as Arrow or Parquet; without --out, print the link.')
    .option('--table <name>', 'The table to export.')
    .option('--sql <query>', 'An SQL query instead of a table.')
    .option('--where <json>', 'A condition on the rows, such as {"kind":{"eq":"MOVE"}}.')
    .option('--columns <names>', 'Columns, separated by commas; all when left out.')
    .addOption(
      new Option('--format <format>', 'The file format.')
        .choices(Object.keys(formats))
        .default('arrow-stream'),
    )
    .addOption(
      new Option('--compression <codec>', 'How the file is compressed inside.')
        .choices(['none', 'lz4', 'zstd'])
        .default('none'),
    )
    .option('--out <file>', 'Where to write the rows.')
    .option('--json', 'Print the export as one line of JSON.')
    .action(verb(runExport));
}

async function runExport(flags: ExportFlags): Promise<void> {
  if ((flags.table === undefined) === (flags.sql === undefined)) {
    throw new UsageError('export needs either --table or --sql');
  }
  const created = await create(flags);
  if (flags.out === undefined) {
    process.stdout.write(flags.json ? `${JSON.stringify(created)}\n` : `${created.url}\n`);
    return;
  }
  const bytes = await download(created.url, flags.out, flags.json !== true);
  process.stdout.write(
    flags.json
      ? `${JSON.stringify({ ...created, out: flags.out, bytes })}\n`
      : `${flags.out}: ${bytes} bytes, the rows as of position ${created.position}\n`,
  );
}

async function create(flags: ExportFlags): Promise<CreatedExport> {
  const remote = remoteTitle(flags);
  const token = await remoteToken(flags, remote);
  const input = {
    ...(flags.table === undefined ? {} : { table: flags.table }),
    ...(flags.sql === undefined ? {} : { sql: flags.sql }),
    ...(flags.where === undefined ? {} : { where: conditionOf(flags.where) }),
    ...(flags.columns === undefined ? {} : { columns: flags.columns.split(',') }),
    format: formats[flags.format],
    compression: flags.compression.toUpperCase(),
  };
  const response = await request(titleUrl(remote, 'graphql'), {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ query: createExport, variables: { input } }),
  });
  const answer = (await response.json()) as {
    readonly data?: { readonly createExport: CreatedExport } | null;
    readonly errors?: readonly { message: string; extensions: { code: string } }[];
  };
  if (answer.data && !answer.errors) return answer.data.createExport;
  const errors = answer.errors ?? [];
  throw new Error(errors.map((e) => `${e.extensions.code}: ${e.message}`).join('; '));
}

function conditionOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new UsageError(`--where is not JSON: ${text}`);
  }
}

async function download(url: string, out: string, showProgress: boolean): Promise<number> {
  const response = await request(url);
  if (response.body === null) throw new Error('the export has no body');
  const progress = byteProgress(showProgress);
  let bytes = 0;
  const count = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      progress.at(bytes);
      done(null, chunk);
    },
  });
  // Half an export must not look whole.
  const partial = `${out}.part`;
  try {
    await pipeline(
      Readable.fromWeb(response.body as ReadableStream<Uint8Array>),
      count,
      createWriteStream(partial),
    );
    await rename(partial, out);
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  } finally {
    progress.stop();
  }
  return bytes;
}
