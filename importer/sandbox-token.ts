import type { TokenProvider } from '@tickloom/sdk';

/** Tokens of the server's sandbox, fetched anew whenever the last has expired. */
export function sandboxToken(url: string, role: string, subject: string): TokenProvider {
  const query = new URLSearchParams({ title: 'ashfall', role, subject });
  const address = `${url.replace(/\/+$/, '')}/sandbox/token?${query}`;
  return async () => {
    const response = await fetch(address, { method: 'POST' }).catch((cause: unknown) => {
      throw new Error(`${url} cannot be reached: is the server running (npm start)?`, { cause });
    });
    if (!response.ok) {
      const refusal = refusalOf(await response.text());
      throw new Error(
        refusal?.code === 'UNKNOWN_TITLE'
          ? `${url} does not serve "ashfall", to which matches are imported: ${refusal.message}`
          : `${address} answered with HTTP status ${response.status}: outside a sandbox give a --token`,
      );
    }
    return (await response.text()).trim();
  };
}

function refusalOf(body: string): { readonly code: string; readonly message: string } | null {
  try {
    const [first] = JSON.parse(body).errors;
    return { code: String(first.extensions.code), message: String(first.message) };
  } catch {
    return null;
  }
}
