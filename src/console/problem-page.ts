import { escapedHtml } from '../http/html.ts';
import type { Body } from '../http/respond.ts';

/** What a browser shows that came back from the provider and is not let in, with the way to try again. */
export function problemPage(status: number, problem: string): Body {
  return {
    status,
    contentType: 'text/html; charset=utf-8',
    content: `<!doctype html><html lang="en"><meta charset="utf-8"><title>Not signed in</title>
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:40em;margin:3em auto;padding:0 1em}</style>
<h1>You are not signed in</h1><p>${escapedHtml(problem)}</p>
<p><a href="../sign-in">Sign in again</a>, or go back to the <a href="..">console</a>.</p></html>`,
    headers: {
      'cache-control': 'no-store',
      'x-frame-options': 'DENY',
      'content-security-policy':
        "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
      'referrer-policy': 'no-referrer',
    },
  };
}
