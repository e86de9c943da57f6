import { existsSync } from 'node:fs';
import { request } from 'node:http';
import { checkOwned, controlFolder, controlSocketIn } from '../storage/control-path.ts';

/** No server runs on a data directory. */
class NoServer extends Error {
  override readonly name = 'NoServer';
}

/** Whether a server runs on a data directory that this user may ask. */
export async function isServed(dataDir: string): Promise<boolean> {
  try {
    await askServer(dataDir, 'GET', '/titles');
    return true;
  } catch (error) {
    if (error instanceof NoServer) return false;
    throw error;
  }
}

/** Asks the running server of a data directory. Throws with what it refused, or that none runs. */
export function askServer<T>(
  dataDir: string,
  method: 'GET' | 'POST',
  path: string,
  input?: unknown,
): Promise<T> {
  const folder = controlFolder(dataDir);
  if (!existsSync(folder)) return Promise.reject(noServer(dataDir));
  checkOwned(folder);
  const body = input === undefined ? '' : JSON.stringify(input);
  return new Promise((resolve, reject) => {
    const socketPath = controlSocketIn(folder);
    const headers = { 'content-length': Buffer.byteLength(body) };
    const asking = request({ socketPath, method, path, headers }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => {
        text += part;
      });
      response.once('error', reject);
      response.once('end', () => {
        const answer: unknown = JSON.parse(text);
        if (response.statusCode === 200) resolve(answer as T);
        else reject(new Error(refusalIn(answer) ?? `the server answered ${response.statusCode}`));
      });
    });
    asking.once('error', (error: NodeJS.ErrnoException) => {
      const isGone = error.code === 'ENOENT' || error.code === 'ECONNREFUSED';
      reject(isGone ? noServer(dataDir) : error);
    });
    asking.end(body);
  });
}

function refusalIn(answer: unknown): string | null {
  const { errors } = answer as {
    errors?: readonly { message: string; extensions: { code: string } }[];
  };
  const [first] = errors ?? [];
  return first === undefined ? null : `${first.extensions.code}: ${first.message}`;
}

function noServer(dataDir: string): NoServer {
  return new NoServer(
    `no server of this version runs on ${dataDir}: start it, or name its data directory by --data-dir (TICKLOOM_DATA_DIR)`,
  );
}
