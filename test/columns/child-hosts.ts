import { readdirSync, readFileSync } from 'node:fs';

/** Processes that one, by default this one, has started and that run the host's program. */
export function childHosts(of: number = process.pid): number[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.map(Number).filter((pid) => {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      const [, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
      return Number(parent) === of && command.includes('columns/host/main.js');
    } catch {
      return false;
    }
  });
}

/** The processes that one has started, and those that these have; itself first. */
export function processTree(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ');
  return [
    pid,
    ...children
      .filter((text) => text !== '')
      .map(Number)
      .flatMap(processTree),
  ];
}

/** The process that runs the host's program: within bubblewrap, which starts two, the last. */
export function programOf(host: number): number {
  return processTree(host).at(-1) as number;
}
