/** A request that a page of the documentation shows, with the answer it shows below. */
export interface PageExample {
  readonly section: string;
  readonly role: string;
  readonly headers: Readonly<Record<string, string>>;
  /** The body of the request to the GraphQL endpoint, as JSON. */
  readonly body: string;
  /** As JSON; values that begin with `…` are left out. */
  readonly answer: string;
}

/**
 * The examples of a page, in order: a block `graphql` (an operation; `# as <role>` names who asks)
 * or `http` (headers, an empty line, the body), each with a block `json` behind it. Throws where a
 * request has no answer.
 */
export function pageExamples(page: string): PageExample[] {
  return page.split(/^## /m).flatMap((text) => {
    const section = text.split('\n')[0] ?? '';
    const blocks = [...text.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)];
    return blocks.flatMap(([, language, content = ''], i) => {
      if (language !== 'graphql' && language !== 'http') return [];
      const [, next, answer = ''] = blocks[i + 1] ?? [];
      if (next !== 'json') throw new Error(`no answer to an example of "${section}": ${content}`);
      return [{ section, ...(language === 'http' ? asHttp(content) : asGraphql(content)), answer }];
    });
  });
}

type Asked = Pick<PageExample, 'role' | 'headers' | 'body'>;

function asGraphql(query: string): Asked {
  const role = /# as ([\w-]+)/.exec(query)?.[1] ?? 'game-server';
  return { role, headers: {}, body: JSON.stringify({ query }) };
}

function asHttp(content: string): Asked {
  const [head = '', body = ''] = content.split('\n\n', 2);
  const [line, ...headers] = head.split('\n');
  if (line !== 'POST /ashfall/graphql') throw new Error(`not to the endpoint: ${line}`);
  const named = headers.map((header) => {
    const colon = header.indexOf(': ');
    return [header.slice(0, colon), header.slice(colon + 2)] as const;
  });
  return { role: 'game-server', headers: Object.fromEntries(named), body };
}
