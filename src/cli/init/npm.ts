import { execFile } from 'node:child_process';

/** Runs npm; what it printed. Rejects with the line of its output that says why. */
export function npm(args: readonly string[], directory: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { cwd: directory, maxBuffer: 2 ** 26 };
    const child = execFile(
      'npm',
      [...args, '--no-audit', '--no-fund'],
      options,
      (error, out, err) => {
        if (error === null) resolve(out);
        else reject(new Error(reasonOf(err, error), { cause: error }));
      },
    );
    child.stdin?.end();
  });
}

function reasonOf(printed: string, error: Error): string {
  if ('code' in error && error.code === 'ENOENT') return 'there is no npm on the path';
  const lines = printed
    .split('\n')
    .flatMap((line) => /^npm (?:error|ERR!) (.*)$/.exec(line)?.[1] ?? [])
    .filter((line) => !/^(code|errno|syscall) |^A complete log/.test(line));
  return lines[0] ?? error.message;
}
