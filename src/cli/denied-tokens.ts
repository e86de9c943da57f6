import type { Command } from 'commander';
import type { DenialReport } from '../identity/token-control.ts';
import { askServer } from './control-client.ts';
import {
  addControlOptions,
  type ControlFlags,
  dataDirOf,
  milliseconds,
  print,
  printJson,
} from './control-options.ts';
import { UsageError, verb } from './fail.ts';

interface KeyFlags extends ControlFlags {
  readonly subject?: string;
  readonly jti?: string;
}

interface RevokeFlags extends KeyFlags {
  readonly for?: string;
  readonly until?: string;
}

/** `tickloom token revoke | allow | denied`: whom the server that runs here lets in no more. */
export function addDeniedTokens(token: Command): void {
  const on = (name: string, description: string) =>
    addControlOptions(token.command(name).description(description));
  const onKey = (name: string, description: string) =>
    on(name, description)
      .option('--subject <name>', 'Every token of this subject, as audit lines name it.')
      .option('--jti <id>', 'The one token with this jti.');
  onKey('revoke', 'Let tokens in no more; what runs under them ends within a second.')
    .option('--for <time>', 'For so long: a number with m, h or d. (default: until taken back)')
    .option('--until <time>', 'Until then: a time such as 2027-01-31T00:00Z.')
    .action(verb(revoke));
  onKey('allow', 'Take a denial back.').action(verb(allow));
  on('denied', 'Which subjects and tokens are let in no more.').action(verb(denied));
}

async function revoke(flags: RevokeFlags): Promise<void> {
  const input = { ...keyOf(flags), until: untilOf(flags) };
  const report = await askServer<DenialReport>(dataDirOf(flags), 'POST', '/denied', input);
  if (flags.json) printJson(report);
  else print(wordsOf(report));
}

async function allow(flags: KeyFlags): Promise<void> {
  const key = keyOf(flags);
  const answer = await askServer<unknown>(dataDirOf(flags), 'POST', '/allowed', key);
  if (flags.json) printJson(answer);
  else print(`${nameOf(key)}  let in again`);
}

async function denied(flags: ControlFlags): Promise<void> {
  const answer = await askServer<{ denied: DenialReport[] }>(dataDirOf(flags), 'GET', '/denied');
  if (flags.json) return printJson(answer);
  if (answer.denied.length === 0) print('nobody is denied');
  for (const report of answer.denied) print(wordsOf(report));
}

type Key = Pick<KeyFlags, 'subject' | 'jti'>;

function keyOf({ subject, jti }: KeyFlags): Key {
  if ((subject === undefined) === (jti === undefined)) {
    throw new UsageError('give either --subject or --jti');
  }
  return subject === undefined ? { ...(jti === undefined ? {} : { jti }) } : { subject };
}

function untilOf({ for: duration, until }: RevokeFlags): string | null {
  if (duration !== undefined && until !== undefined) {
    throw new UsageError('give --for or --until, not both');
  }
  if (duration !== undefined) {
    return new Date(Date.now() + milliseconds('--for', duration)).toISOString();
  }
  if (until === undefined) return null;
  if (Number.isNaN(Date.parse(until))) {
    throw new UsageError(`--until is "${until}"; it must be a time such as 2027-01-31T00:00Z`);
  }
  return new Date(until).toISOString();
}

function wordsOf({ since, until, ...key }: DenialReport): string {
  return `${nameOf(key)}  denied since ${since}, ${until === null ? 'until it is taken back' : `until ${until}`}`;
}

function nameOf({ subject, jti }: Key): string {
  return subject === undefined ? `jti ${jti}` : `subject ${subject}`;
}
