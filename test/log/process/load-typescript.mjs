// Lets a child process run the sources as they are: `node --import load-typescript.mjs child.mjs`.
import { register } from 'node:module';

const hooks = `
  import { readFile } from 'node:fs/promises';
  import ts from ${JSON.stringify(import.meta.resolve('typescript'))};

  const compilerOptions = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 };

  export async function load(url, context, next) {
    if (!url.endsWith('.ts')) return next(url, context);
    const text = await readFile(new URL(url), 'utf8');
    const { outputText } = ts.transpileModule(text, { compilerOptions });
    return { format: 'module', source: outputText, shortCircuit: true };
  }
`;
register(`data:text/javascript,${encodeURIComponent(hooks)}`);
