/** An address to listen on as one to connect to, within a URL. */
export function hostForUrl(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  if (host === '::') return '[::1]';
  return host.includes(':') ? `[${host}]` : host;
}

/** Where commands look for a server: `TICKLOOM_URL`, or what a server here would listen on. */
export function serverUrlOf(environment: Readonly<Record<string, string | undefined>>): string {
  const { TICKLOOM_URL, TICKLOOM_HOST, TICKLOOM_PORT } = environment;
  if (TICKLOOM_URL) return TICKLOOM_URL;
  return `http://${hostForUrl(TICKLOOM_HOST || '127.0.0.1')}:${TICKLOOM_PORT || '4800'}`;
}
