/** A text as a comment before a declaration, its line break included; nothing where there is none. */
export function docComment(text: string | null, indent = ''): string {
  if (text === null) return '';
  // Text of a manifest must not end the comment that holds it.
  const lines = text.trim().replaceAll('*/', '*\\/').split('\n');
  if (lines.length === 1) return `${indent}/** ${lines[0]} */\n`;
  const body = lines.map((line) => `${indent} * ${line}`.trimEnd());
  return [`${indent}/**`, ...body, `${indent} */\n`].join('\n');
}
