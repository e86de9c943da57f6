import { SkirmishClient } from './tickloom.ts';

const url = process.env.TICKLOOM_URL ?? 'http://127.0.0.1:4800';

/**
 * A client in some role. TICKLOOM_TOKEN holds a token of your OpenID provider, in production; without
 * it the sandbox is asked for one, which it gives to anybody on this machine.
 */
export function connect(role: 'game-server' | 'liveops' | 'analyst'): SkirmishClient {
  return new SkirmishClient({ url, token: process.env.TICKLOOM_TOKEN ?? sandboxToken(role) });
}

function sandboxToken(role: string): () => Promise<string> {
  return async () => {
    const query = new URLSearchParams({ title: 'skirmish', role, subject: 'developer' });
    const answer = await fetch(`${url}/sandbox/token?${query}`, { method: 'POST' });
    if (!answer.ok) throw new Error(`no token of the role ${role}: ${await answer.text()}`);
    return (await answer.text()).trim();
  };
}
