/** What a query text asks of the host, beyond handing it to chDB. */
export type Statement =
  | {
      readonly kind: 'insert';
      readonly head: string;
      readonly format: string;
      /** A file that holds the rows; null: they come with the request. */
      readonly path: string | null;
    }
  | { readonly kind: 'kill'; readonly sql: string }
  | { readonly kind: 'select'; readonly sql: string; readonly format: string | null }
  | { readonly kind: 'other'; readonly sql: string; readonly format: string | null };

/** `bodyIsData`: the rows of an INSERT come with the request. */
export function parseStatement(text: string, bodyIsData: boolean): Statement {
  if (bodyIsData) {
    const insert = /^\s*(INSERT\s[\s\S]*?)\s+FORMAT\s+(\w+)\s*$/i.exec(text);
    if (insert) {
      return { kind: 'insert', head: insert[1] as string, format: insert[2] as string, path: null };
    }
  }
  // ClickHouse's own client reads such a file itself, too.
  const file =
    /^\s*(INSERT\s[\s\S]*?)\s+FROM\s+INFILE\s+'((?:[^'\\]|\\.)+)'\s+FORMAT\s+(\w+)\s*$/i.exec(text);
  if (file) {
    const [, head = '', path = '', format = ''] = file;
    return { kind: 'insert', head, format, path: path.replace(/\\(.)/g, '$1') };
  }
  if (/^\s*KILL\s+QUERY\b/i.test(text)) {
    // chDB names its queries itself; the host marks them by `log_comment`. Waiting for the end
    // (SYNC) would wait for the host's own release of the result.
    const sql = text
      .replace(/\bquery_id\b/g, "Settings['log_comment']")
      .replace(/\bSYNC\b(?=[^']*$)/i, '')
      .replace(/\s+FORMAT\s+\w+\s*$/i, '');
    return { kind: 'kill', sql };
  }
  const tail = /\sFORMAT\s+(\w+)\s*;?\s*$/i.exec(text);
  const sql = tail ? text.slice(0, tail.index) : text;
  const kind = /^\s*(?:\(\s*)*(?:SELECT|WITH)\b/i.test(sql) ? 'select' : 'other';
  return { kind, sql, format: tail ? (tail[1] as string) : null };
}
