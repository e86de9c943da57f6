import type { Catalog } from '../../engine/model/catalog.ts';
import { escapedHtml } from '../http/html.ts';
import type { Body } from '../http/respond.ts';

/** A page that asks who one wants to be; its form carries the client's request along. */
export function authorizationPage(
  catalogs: readonly Catalog[],
  clientId: string,
  query: URLSearchParams,
): Body {
  const hidden = [...query].map(
    ([name, value]) =>
      `<input type="hidden" name="${escapedHtml(name)}" value="${escapedHtml(value)}">`,
  );
  const titles = catalogs.map(({ manifest: { title }, roles }) => {
    const buttons = [...roles.values()].map(
      ({ name, description }) =>
        `<button name="as" value="${escapedHtml(`${title}:${name}`)}">${escapedHtml(name)}</button> ${escapedHtml(description ?? '')}`,
    );
    return `<h2>${escapedHtml(title)}</h2><ul>${buttons.map((one) => `<li>${one}</li>`).join('')}</ul>`;
  });
  return page(`<h1>Who are you?</h1>
<p><b>${escapedHtml(clientId)}</b> asks for a token of this sandbox. Choose a role.</p>
<form method="post">${hidden.join('')}
<p><label>Subject <input name="as_subject" placeholder="sandbox-&lt;role&gt;"></label></p>
${titles.join('\n')}
</form>`);
}

export function refusalPage(message: string): Body {
  return { ...page(`<h1>This cannot be</h1><p>${escapedHtml(message)}</p>`), status: 400 };
}

function page(content: string): Body {
  return {
    contentType: 'text/html; charset=utf-8',
    content: `<!doctype html><html lang="en"><meta charset="utf-8"><title>Tickloom sandbox</title>
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:40em;margin:3em auto;padding:0 1em}li{margin:.4em 0}button{font:inherit}</style>
${content}</html>`,
    headers: {
      'cache-control': 'no-store',
      // Not within another page, where a click could be had for something else.
      'x-frame-options': 'DENY',
      'content-security-policy':
        "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'",
      'referrer-policy': 'same-origin',
    },
  };
}
