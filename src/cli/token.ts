import type { Command } from 'commander';
import { addDeniedTokens } from './denied-tokens.ts';
import { UsageError, verb } from './fail.ts';
import {
  addRemoteOptions,
  type RemoteFlags,
  remoteTitle,
  sandboxRoles,
  sandboxToken,
} from './remote.ts';

interface TokenFlags extends RemoteFlags {
  readonly subject?: string;
  readonly playerId?: string;
  readonly json?: true;
}

export function addToken(program: Command): void {
  const command = addRemoteOptions(program.command('token'))
    .description('Print a token of the sandbox, good for fifteen minutes.')
    .option('--subject <name>', 'Who the token says you are. (default: the role with "sandbox-")')
    .option('--player-id <number>', 'The claim player_id, which the role player needs.')
    .option('--json', 'Print { "token": … } instead of the bare token.')
    .action(verb(token))
    // A flag behind a verb of its own is that verb's.
    .enablePositionalOptions();
  addDeniedTokens(command);
}

async function token(flags: TokenFlags): Promise<void> {
  const remote = remoteTitle(flags);
  if (flags.role === undefined) {
    const roles = await sandboxRoles(remote).catch(() => []);
    const known = roles.length > 0 ? `, one of ${roles.join(', ')}` : '';
    throw new UsageError(`token needs --role${known}`);
  }
  const printed = await sandboxToken(remote, {
    role: flags.role,
    ...(flags.subject === undefined ? {} : { subject: flags.subject }),
    ...(flags.playerId === undefined ? {} : { player_id: flags.playerId }),
  });
  process.stdout.write(flags.json ? `${JSON.stringify({ token: printed })}\n` : `${printed}\n`);
}
