import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../sdk/', import.meta.url));
const files = ['index.ts', ...list('runtime'), ...list('generate')];

function list(folder: string): string[] {
  return readdirSync(join(root, folder))
    .filter((name) => name.endsWith('.ts'))
    .map((name) => `${folder}/${name}`);
}

interface Import {
  readonly file: string;
  readonly module: string;
  readonly kind: 'static' | 'type' | 'dynamic';
}

function importsOf(file: string): Import[] {
  const source = ts.createSourceFile(
    file,
    readFileSync(join(root, file), 'utf8'),
    ts.ScriptTarget.ES2023,
    true,
  );
  const found: Import[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node) && ts.isStringLiteral(node.moduleSpecifier)) {
      const isType = node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword;
      found.push({ file, module: node.moduleSpecifier.text, kind: isType ? 'type' : 'static' });
    } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      const [argument] = node.arguments;
      const module = argument && ts.isStringLiteral(argument) ? argument.text : '(computed)';
      found.push({ file, module, kind: 'dynamic' });
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

const imports = files.flatMap(importsOf);

describe('the package', () => {
  it('imports nothing outside its folder but its three dependencies', () => {
    expect(imports.length).toBeGreaterThan(50);
    const outside = imports.filter(
      ({ file, module }) =>
        module.startsWith('.') &&
        relative(root, join(root, dirname(file), module)).startsWith('..'),
    );
    expect(outside).toEqual([]);
    const packages = new Set(
      imports.map(({ module }) => module).filter((name) => /^\w/.test(name)),
    );
    expect([...packages].sort()).toEqual([
      'apache-arrow',
      'eventsource-parser',
      'graphql-ws/client',
    ]);
  });

  it('loads no dependency before it is used', () => {
    const loaded = imports.filter(
      ({ module, kind }) => kind === 'static' && !module.startsWith('.'),
    );
    expect(loaded).toEqual([]);
    const later = imports
      .filter(({ kind }) => kind === 'dynamic')
      .map(({ file, module }) => [file, module]);
    expect(later).toEqual([
      ['runtime/export.ts', 'apache-arrow'],
      ['runtime/export.ts', 'apache-arrow'],
      // Modules of Node, and `ws` where there is no global WebSocket.
      ['runtime/node-post.ts', '(computed)'],
      ['runtime/server-sent-events.ts', 'eventsource-parser'],
      ['runtime/websocket-frames.ts', 'graphql-ws/client'],
      ['runtime/websocket-frames.ts', '(computed)'],
    ]);
  });
});
