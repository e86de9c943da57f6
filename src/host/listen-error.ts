import type { ListenAddress } from './http-front.ts';

/** Why an address cannot be listened on, with the settings that name it. */
export function listenError(error: NodeJS.ErrnoException, address: ListenAddress): Error {
  const explained =
    'socketPath' in address
      ? `the socket ${address.socketPath} cannot be listened on (${error.code}): choose another data directory with --data-dir (TICKLOOM_DATA_DIR)`
      : mendOf(error.code, address.host, address.port);
  return explained === null ? error : new Error(explained, { cause: error });
}

function mendOf(code: string | undefined, host: string, port: number): string | null {
  switch (code) {
    case 'EADDRINUSE':
      return `another program listens on ${host}, port ${port}, already (EADDRINUSE): stop it, or choose another port with --port (TICKLOOM_PORT); 0 takes a free one`;
    case 'EACCES':
      return `this user may not listen on port ${port} (EACCES): choose one from 1024 up with --port (TICKLOOM_PORT)`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return `${host} is no address of this machine (${code}): choose another with --host (TICKLOOM_HOST)`;
    default:
      return null;
  }
}
