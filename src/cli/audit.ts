import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import {
  type AuditProof,
  auditDirectory,
  type ExpectedRecord,
  type TitleProof,
  verifyTitle,
} from '../audit/verify-audit.ts';
import { askServer, isServed } from './control-client.ts';
import { UsageError, verb } from './fail.ts';
import { dataDirOf } from './setting-options.ts';

interface VerifyFlags {
  readonly title?: string;
  readonly expect?: string;
  readonly dataDir?: string;
  readonly config?: string;
  readonly json?: true;
}

export function addAudit(program: Command): void {
  const audit = program
    .command('audit')
    .description('The audit logs of the titles: who did what, and what was refused.');
  audit
    .command('verify')
    .description(
      'Prove that no record of an audit log, and none of the log of commits beside it, is gone, changed or in the place of another; asks the server that runs here, or reads the logs of one that is stopped.',
    )
    .option('--title <title>', 'The title; all of the data directory where it is left out.')
    .option(
      '--expect <record:chain>',
      'What an earlier proof said: that record must be there, and all before it as they were.',
    )
    .option('--data-dir <path>', "The server's data directory. [TICKLOOM_DATA_DIR]")
    .option('--config <file>', 'A JSON file of settings by name. [TICKLOOM_CONFIG]')
    .option('--json', 'Print the proofs as one line of JSON.')
    .action(verb(verify));
}

async function verify(flags: VerifyFlags): Promise<void> {
  const dataDir = dataDirOf(flags);
  const expected = expectedOf(flags);
  const titles = titlesOf(dataDir, flags.title);
  const served = (await isServed(dataDir)) ? dataDir : null;
  const proofs: (TitleProof & { readonly title: string })[] = [];
  for (const title of titles) {
    const proof = await prove(join(dataDir, 'titles', title), title, served, expected);
    proofs.push({ title, ...proof });
  }
  if (flags.json) process.stdout.write(`${JSON.stringify({ titles: proofs })}\n`);
  else for (const proof of proofs) process.stdout.write(linesOf(proof));
  const isBroken = (proof: AuditProof | null) => proof?.kind === 'broken';
  if (proofs.some((proof) => isBroken(proof) || isBroken(proof.commits))) process.exitCode = 1;
}

/** A title that is served is proven by the server, which holds its log; another one's log nobody holds. */
async function prove(
  directory: string,
  title: string,
  served: string | null,
  expected: ExpectedRecord | null,
): Promise<TitleProof> {
  if (served !== null) {
    const path = `/titles/${encodeURIComponent(title)}/audit/verify`;
    const proof = await askServer<TitleProof | null>(served, 'POST', path, { expected });
    if (proof !== null) return proof;
  }
  return verifyTitle(directory, expected, null);
}

function titlesOf(dataDir: string, title: string | undefined): string[] {
  const folder = join(dataDir, 'titles');
  const hasAudit = (name: string) => existsSync(auditDirectory(join(folder, name)));
  if (title !== undefined) {
    if (hasAudit(title)) return [title];
    throw new UsageError(`there is no audit log of a title "${title}" below ${dataDir}`);
  }
  const titles = existsSync(folder) ? readdirSync(folder).filter(hasAudit).sort() : [];
  if (titles.length === 0) throw new UsageError(`there is no audit log below ${dataDir}`);
  return titles;
}

function expectedOf({ expect, title }: VerifyFlags): ExpectedRecord | null {
  if (expect === undefined) return null;
  if (title === undefined) throw new UsageError('--expect is of one title: name it by --title');
  const [, record, chain] = /^(\d{1,16}):([0-9a-f]{32})$/.exec(expect) ?? [];
  if (record === undefined || chain === undefined) {
    throw new UsageError(`--expect is "${expect}"; it must be as a proof prints it: 120:0f3a…`);
  }
  return { record: Number(record), chain };
}

function linesOf({ title, commits, ...audit }: TitleProof & { readonly title: string }): string {
  const ofCommits = commits === null ? '' : `${title}  commits ${wordsOf(commits, 'chain')}\n`;
  return `${title}  ${wordsOf(audit as AuditProof, '--expect')}\n${ofCommits}`;
}

/** `mark`: what the last record and its chain are told as. */
function wordsOf(proof: AuditProof, mark: string): string {
  if (proof.kind === 'broken') {
    const { record, segment, offset, reason } = proof;
    const place = segment === '' ? '' : ` (${segment}, offset ${offset})`;
    return `BROKEN at record ${record}${place}: ${reason}`;
  }
  const { records, first, last, from, to, chain, unfinishedBytes } = proof;
  if (records === 0) return 'whole: no records yet';
  const rest =
    unfinishedBytes === 0
      ? ''
      : `; ${unfinishedBytes} bytes of an unfinished write behind them, which the next start cuts off`;
  return `whole: ${records} records, ${first} to ${last}, of ${from} to ${to}; ${mark} ${last}:${chain}${rest}`;
}
