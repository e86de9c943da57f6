import ts from 'typescript';

const runners: ReadonlySet<string> = new Set(['it', 'test']);
const groups: ReadonlySet<string> = new Set(['describe']);
/** Members of a runner that declare tests as the runner itself does. */
const modifiers = new Set(['each', 'for', 'skipIf', 'runIf', 'concurrent', 'sequential', 'only']);

/** Spans of a title that are known when it runs only. */
const unknown = '\uffff';
const partsUnknown = /\uffff|%[sdifjo]|\$[a-z]\w*/;

/**
 * The titles of the tests that a source declares: first arguments of calls of `it` and `test`,
 * `.each` and its like among them, and the titles of groups that hold such tests. What is skipped or
 * left to do holds nothing and is not among them, nor is a title in a comment or any other text.
 */
export class DeclaredTests {
  readonly #titles: readonly string[];

  constructor(source: string, path = 'source.ts') {
    const titles: string[] = [];
    const visit = (node: ts.Node): void => {
      const before = titles.length;
      ts.forEachChild(node, visit);
      if (!ts.isCallExpression(node)) return;
      const isGroup = isRunner(node.expression, groups) && titles.length > before;
      if (!isGroup && !isRunner(node.expression, runners)) return;
      const title = node.arguments[0] && titleOf(node.arguments[0]);
      if (title !== undefined) titles.push(title);
    };
    visit(ts.createSourceFile(path, source, ts.ScriptTarget.Latest, true));
    this.#titles = titles;
  }

  /**
   * `title` may end with `…`: a test's title then begins so. It may leave out the beginning of a
   * test's title that is known when the test runs only.
   */
  has(title: string): boolean {
    const isBeginning = title.endsWith('…');
    const asked = (isBeginning ? title.slice(0, -1) : title).trim();
    return this.#titles.some((declared) => {
      const parts = declared.split(partsUnknown);
      if (isBeginning) return (parts[0] ?? '').startsWith(asked);
      return declared === asked || parts.some((_, i) => fits(parts.slice(i), asked));
    });
  }
}

/** Whether a text is these parts in their order, with anything between them. */
function fits(parts: readonly string[], text: string): boolean {
  const known = parts.map((part) => part.trim());
  // What stands at the end of a title and is known when it runs only may be left out.
  const endsUnknown = known.length > 1 && known.at(-1) === '';
  if (endsUnknown) known.pop();
  const [first = '', ...others] = known;
  const begins = first.replace(/^[:,]\s*/, '');
  if (begins === '') return false;
  const pattern = [begins, ...others].map(escaped).join('.+?');
  const end = endsUnknown ? '(?: .+)?' : '';
  return new RegExp(`^${pattern.replace(/:$/, ':?')}${end}$`, 's').test(text);
}

/** `it`, `test.each(rows)`, `test.each<Row>(rows)`, `it.skipIf(condition)`, `it.concurrent`. */
function isRunner(node: ts.Expression, names: ReadonlySet<string>): boolean {
  if (ts.isIdentifier(node)) return names.has(node.text);
  if (ts.isCallExpression(node)) {
    return !ts.isIdentifier(node.expression) && isRunner(node.expression, names);
  }
  if (ts.isTaggedTemplateExpression(node)) return isRunner(node.tag, names);
  if (!ts.isPropertyAccessExpression(node)) return false;
  return modifiers.has(node.name.text) && isRunner(node.expression, names);
}

function titleOf(argument: ts.Expression): string | undefined {
  if (ts.isStringLiteralLike(argument)) return argument.text;
  if (!ts.isTemplateExpression(argument)) return undefined;
  const spans = argument.templateSpans.map(({ literal }) => unknown + literal.text);
  return argument.head.text + spans.join('');
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
