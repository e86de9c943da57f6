import { readFileSync } from 'node:fs';

/**
 * The fenced blocks of a Markdown page, in order. What stands behind a block's language, unseen by
 * readers, says what file it is, or where in that file it goes: `ts title.ts after health:`.
 *
 * @param {string} path
 * @returns {readonly CodeBlock[]}
 *
 * @typedef {object} CodeBlock
 * @property {string} language
 * @property {string} info
 * @property {string} text
 * @property {number} line of the page
 */
export function codeBlocks(path) {
  const page = readFileSync(path, 'utf8');
  return [...page.matchAll(/^```(\w+) ?(.*)\n([\s\S]*?)^```$/gm)].map((match) => ({
    language: match[1] ?? '',
    info: match[2] ?? '',
    text: match[3] ?? '',
    line: page.slice(0, match.index).split('\n').length + 1,
  }));
}

/**
 * A page's TypeScript as one program that fails where the page is wrong: what it says a line is
 * (`outcome.accepted; // 1`) becomes an assertion.
 *
 * @param {readonly string[]} blocks
 */
export function program(blocks) {
  const said = /^(\s*)(\S[^;]*); \/\/ ('[^']*'|\d+)(?=:|$).*$/gm;
  const text = blocks.join('\n').replace(said, (_, indent, expression, value) => {
    return `${indent}strictEqual(${expression}, ${value});`;
  });
  return `import { strictEqual } from 'node:assert';\n${text}\nprocess.exit(0);\n`;
}
