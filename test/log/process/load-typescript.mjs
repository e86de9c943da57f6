// Lets a child process run the sources as they are: `node --import load-typescript.mjs child.mjs`.
// What a source compiles to is kept by its content, since children are started by the dozen and
// would each spend seconds on the same sources.
import { register } from 'node:module';

const hooks = `
  import { createHash } from 'node:crypto';
  import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
  import { tmpdir } from 'node:os';
  import { join } from 'node:path';

  const directory = join(tmpdir(), 'tickloom-compiled-' + (process.getuid?.() ?? 'all'));
  await mkdir(directory, { recursive: true, mode: 0o700 });

  export async function load(url, context, next) {
    if (!url.endsWith('.ts')) return next(url, context);
    const text = await readFile(new URL(url), 'utf8');
    const path = join(directory, createHash('sha256').update(text).digest('hex') + '.js');
    const kept = await readFile(path, 'utf8').catch(() => null);
    return { format: 'module', source: kept ?? (await compiled(text, path)), shortCircuit: true };
  }

  async function compiled(text, path) {
    const { default: ts } = await import(${JSON.stringify(import.meta.resolve('typescript'))});
    const compilerOptions = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 };
    const { outputText } = ts.transpileModule(text, { compilerOptions });
    const draft = path + '.' + process.pid;
    await writeFile(draft, outputText);
    await rename(draft, path);
    return outputText;
  }
`;
register(`data:text/javascript,${encodeURIComponent(hooks)}`);
