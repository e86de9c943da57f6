import type { Command } from 'commander';
import { UsageError, verb } from './fail.ts';
import { addRemoteOptions, type RemoteFlags, remoteTitle, sandboxToken } from './remote.ts';

interface TokenFlags extends RemoteFlags {
  readonly subject?: string;
  readonly playerId?: string;
  readonly json?: true;
}

export function addToken(program: Command): void {
  addRemoteOptions(program.command('token'))
    .description('Print a token of the sandbox, good for fifteen minutes.')
    .option('--subject <name>', 'Who the token says you are. (default: the role with "sandbox-")')
    .option('--player-id <number>', 'The claim player_id, which the role player needs.')
    .option('--json', 'Print { "token": … } instead of the bare token.')
    .action(verb(token));
}

async function token(flags: TokenFlags): Promise<void> {
  if (flags.role === undefined) throw new UsageError('token needs --role');
  const printed = await sandboxToken(remoteTitle(flags), {
    role: flags.role,
    ...(flags.subject === undefined ? {} : { subject: flags.subject }),
    ...(flags.playerId === undefined ? {} : { player_id: flags.playerId }),
  });
  process.stdout.write(flags.json ? `${JSON.stringify({ token: printed })}\n` : `${printed}\n`);
}
