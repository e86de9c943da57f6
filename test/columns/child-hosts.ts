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
