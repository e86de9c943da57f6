import { request } from 'node:http';
import { controlFolder, controlSocketIn } from '../../../src/storage/control-path.ts';
import { Sandbox } from '../../serve/sandbox.ts';

/** What came of an input. */
export type Outcome = 'taken' | 'refused';

/** Every role of the reference title. */
export const roles = ['game-server', 'liveops', 'analyst', 'player', 'admin'] as const;

/** A sandbox that inputs are given to from outside, and what must hold of whatever it answers. */
export class FuzzWorld {
  readonly sandbox: Sandbox;
  readonly tokens: ReadonlyMap<string, string>;

  private constructor(sandbox: Sandbox, tokens: ReadonlyMap<string, string>) {
    this.sandbox = sandbox;
    this.tokens = tokens;
  }

  static async open(): Promise<FuzzWorld> {
    const sandbox = await Sandbox.withMatch();
    const tokens = new Map<string, string>();
    for (const role of roles) {
      const more: Record<string, string> = role === 'player' ? { player_id: '1' } : {};
      tokens.set(role, await sandbox.token(role, { subject: 'fuzz', ...more }));
    }
    return new FuzzWorld(sandbox, tokens);
  }

  /** The end of the log: what was written, whoever wrote it. */
  get lsn(): number {
    return this.sandbox.titles.get('ashfall').engine.appliedLsn;
  }

  authorization(role: string): { readonly authorization: string } {
    return { authorization: `Bearer ${this.tokens.get(role)}` };
  }

  /** Sends a request, and judges its answer. */
  async send(path: string, init: RequestInit): Promise<Outcome> {
    const response = await fetch(`${this.sandbox.url}${path}`, init);
    return judge(response.status, await response.text());
  }

  async graphql(role: string, body: string): Promise<Outcome> {
    const headers = { ...this.authorization(role), 'content-type': 'application/json' };
    return this.send('/ashfall/graphql', { method: 'POST', headers, body });
  }

  /** Asks at the socket of the operator. */
  control(method: string, path: string, body: string): Promise<Outcome> {
    const socketPath = controlSocketIn(controlFolder(this.sandbox.directory));
    return new Promise((resolve, reject) => {
      const headers = { 'content-length': Buffer.byteLength(body) };
      const asking = request({ socketPath, method, path, headers }, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (part: string) => {
          text += part;
        });
        response.once('end', () => {
          try {
            resolve(judge(response.statusCode ?? 0, text));
          } catch (error) {
            reject(error);
          }
        });
      });
      asking.once('error', reject);
      asking.end(body);
    });
  }

  async checkAlive(): Promise<void> {
    const { status } = await fetch(`${this.sandbox.url}/healthz`);
    if (status !== 200) throw new Error(`the server does not answer any more: ${status}`);
  }
}

/** How often each code was answered: where one takes all, inputs do not get far enough. */
export const codes = new Map<string, number>();

/** Throws for what no client may be answered, whatever it sent. */
export function judge(status: number, text: string): Outcome {
  if (text.includes('"INTERNAL"')) throw new Error(`answered INTERNAL: ${text.slice(0, 500)}`);
  if (status >= 500 && status !== 503) throw new Error(`answered ${status}: ${text.slice(0, 500)}`);
  if (status >= 400 && !text.includes('"code":')) {
    throw new Error(`answered ${status} without a code: ${text.slice(0, 500)}`);
  }
  const code = /"code":"(\w+)"/.exec(text)?.[1] ?? 'OK';
  codes.set(code, (codes.get(code) ?? 0) + 1);
  return status >= 400 || text.includes('"errors":') ? 'refused' : 'taken';
}
