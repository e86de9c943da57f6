import type { Exchange } from '../http/exchange.ts';
import { readBody } from '../http/read-body.ts';

/** An error in the words of OAuth 2.0 (RFC 6749, 4.1.2.1 and 5.2). */
export class OAuthError extends Error {
  readonly code:
    | 'invalid_request'
    | 'invalid_client'
    | 'invalid_grant'
    | 'unsupported_grant_type'
    | 'unsupported_response_type';

  constructor(code: OAuthError['code'], message: string) {
    super(message);
    this.code = code;
  }

  get body(): { readonly error: string; readonly error_description: string } {
    return { error: this.code, error_description: this.message };
  }
}

/** The fields of a form that was sent. */
export async function readForm({ request }: Exchange): Promise<URLSearchParams> {
  const type = request.headers['content-type'] ?? '';
  if (!type.startsWith('application/x-www-form-urlencoded')) {
    throw new OAuthError(
      'invalid_request',
      'the request needs "content-type: application/x-www-form-urlencoded"',
    );
  }
  return new URLSearchParams(String(await readBody(request, 'sandboxFormBytesMax')));
}
