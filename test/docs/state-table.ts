import { readFileSync } from 'node:fs';
import ts from 'typescript';

const root = new URL('../../', import.meta.url);
const read = (path: string) => readFileSync(new URL(path, root), 'utf8');

/** The states that a page's table under a heading names: what its first cells have in backticks. */
export function statesIn(page: string, heading: string): string[] {
  return rowsOf(page, heading).map(({ name }) => name);
}

/** The ways from state to state that such a table's last cells name, each as `open → full`. */
export function waysIn(page: string, heading: string): string[] {
  const rows = rowsOf(page, heading);
  const states = rows.map(({ name }) => name);
  return rows.flatMap(({ name, last }) => {
    const named = [...last.matchAll(/`([^`]+)`/g)].map(([, to = '']) => to);
    return states.filter((to) => named.includes(to)).map((to) => `${name} → ${to}`);
  });
}

function rowsOf(page: string, heading: string): { readonly name: string; readonly last: string }[] {
  const sections = read(page).split(/^#{2,3} /m);
  const section = sections.find((text) => text.startsWith(`${heading}\n`));
  if (section === undefined) throw new Error(`${page} has no heading "${heading}"`);
  const rows = section.matchAll(/^\| `([^`]+)` .*\| ([^|]*) \|$/gm);
  return [...rows].map(([, name = '', last = '']) => ({ name, last }));
}

/** The texts that a member of a type may be in any of its cases: `kind: 'open' | 'full'`. */
export function casesOf(path: string, type: string, member: string): string[] {
  const cases: string[] = [];
  const collect = (node: ts.Node): void => {
    if (ts.isStringLiteral(node)) cases.push(node.text);
    ts.forEachChild(node, collect);
  };
  const visit = (node: ts.Node, isInside: boolean): void => {
    const named = ts.isTypeAliasDeclaration(node) || ts.isInterfaceDeclaration(node);
    const inside = isInside || (named && node.name.text === type);
    if (inside && ts.isPropertySignature(node) && node.name.getText() === member) collect(node);
    else ts.forEachChild(node, (child) => visit(child, inside));
  };
  visit(ts.createSourceFile(path, read(path), ts.ScriptTarget.Latest, true), false);
  return cases;
}
