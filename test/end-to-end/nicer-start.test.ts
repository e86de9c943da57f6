import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { temporaryDirectory } from './cli-process.ts';

const program = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url));
const nice = '/usr/bin/nice';

// Where ClickHouse has a user of its own, that one may not take niceness back.
test.skipIf(!existsSync(nice))(
  'a server that is nicer than its column store starts',
  async () => {
    const own = Object.entries(process.env).filter(([name]) => !name.startsWith('TICKLOOM_'));
    const flags = ['--port', '0', '--data-dir', temporaryDirectory()];
    const child = spawn(nice, ['-n', '15', process.execPath, program, 'start', ...flags], {
      env: Object.fromEntries(own),
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    onTestFinished(() => {
      if (child.exitCode === null) child.kill('SIGKILL');
    });
    let serves = false;
    for await (const line of createInterface({ input: child.stderr })) {
      if (!line.includes('"msg":"serving"')) continue;
      serves = true;
      child.kill('SIGTERM');
    }
    expect(serves).toBe(true);
  },
  60_000,
);
