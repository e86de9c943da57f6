/** What must not outlive this process, however it comes to its end short of being killed. */
export interface LiveHost {
  /** Kills the child at once, without waiting for anything. */
  killNow(): void;
}

const live = new Set<LiveHost>();

/** Kills the host when this process exits. Returns how to call that off. */
export function endWithProcess(host: LiveHost): () => void {
  if (live.size === 0) process.on('exit', killAll);
  live.add(host);
  return () => {
    live.delete(host);
    if (live.size === 0) process.off('exit', killAll);
  };
}

function killAll(): void {
  for (const host of live) host.killNow();
}
