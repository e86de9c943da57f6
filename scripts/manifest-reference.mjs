// Writes docs/manifest.md out of the comments that a manifest's author sees as hovers, so that the
// two cannot say different things. `npm run docs:manifest`; `-- --check` fails where the page is old.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const page = fileURLToPath(new URL('../docs/manifest.md', import.meta.url));
const room = new URL('../engine/manifest/', import.meta.url);

/** @param {string} name */
function sourceOf(name) {
  const text = readFileSync(new URL(name, room), 'utf8');
  return ts.createSourceFile(name, text, ts.ScriptTarget.ES2023, true);
}

const sources = [
  'define-title.ts',
  'table-spec.ts',
  'column-spec.ts',
  'view-spec.ts',
  'aggregate-spec.ts',
  'role-spec.ts',
].map(sourceOf);

/** A declaration of the manifest's language, by name. @param {string} name @returns {ts.Node} */
function declaration(name) {
  for (const source of sources) {
    for (const statement of source.statements) {
      if (ts.isVariableStatement(statement)) {
        const found = statement.declarationList.declarations.find((d) => d.name.getText() === name);
        if (found) return statement;
      } else if ('name' in statement && statement.name?.getText() === name) return statement;
    }
  }
  throw new Error(`the manifest's language has no ${name}`);
}

/** What a hover says of a node. @param {ts.Node} node @param {string} name */
function doc(node, name) {
  const comment = ts.getJSDocCommentsAndTags(node).filter(ts.isJSDoc).at(-1)?.comment;
  const text = ts.getTextOfJSDocComment(comment);
  if (text === undefined) throw new Error(`${name} has no comment, so its hover is empty`);
  return text;
}

/** Hovers have a line break where the source has one; a page has none. @param {string} text */
function flowing(text) {
  return text
    .split(/^(```[\s\S]*?^```)$/m)
    .map((part, i) => (i % 2 === 1 ? part : part.replace(/(?<!\n)\n(?!\n|- )/g, ' ').trim()))
    .filter((part) => part !== '')
    .join('\n\n');
}

/** @param {string} text */
function cell(text) {
  return flowing(text).replaceAll('|', '\\|').replaceAll('\n', ' ');
}

/** @param {string} name */
function described(name) {
  return flowing(doc(declaration(name), name));
}

/** The members of an interface, or of a function's first object of options. @param {string} name */
function membersOf(name) {
  const node = declaration(name);
  /** @type {ts.NodeArray<ts.TypeElement> | undefined} */
  let members;
  if (ts.isInterfaceDeclaration(node)) members = node.members;
  if (ts.isFunctionDeclaration(node)) {
    const type = node.parameters[0]?.type;
    if (type && ts.isTypeLiteralNode(type)) members = type.members;
  }
  if (!members) throw new Error(`${name} has no members`);
  return members.map((member) => {
    const own = member.name?.getText() ?? '';
    const isKind = own === 'kind';
    const text = isKind
      ? member.getText().replace(/^readonly kind: (.*);$/, 'Always `$1`.')
      : doc(member, `${name}.${own}`);
    return { name: own, isOptional: member.questionToken !== undefined, text };
  });
}

/** @param {string} name */
function memberTable(name) {
  const rows = membersOf(name).map(
    (member) => `| \`${member.name}\` | ${member.isOptional ? '' : 'yes'} | ${cell(member.text)} |`,
  );
  return ['| member | needed | |', '| --- | --- | --- |', ...rows].join('\n');
}

/** The column kinds, members of `t`. */
function columnTable() {
  const statement = declaration('t');
  const rows = [];
  const visit = (/** @type {ts.Node} */ node) => {
    if (ts.isPropertyAssignment(node) && node.parent.parent.kind === ts.SyntaxKind.AsExpression) {
      const name = node.name.getText();
      rows.push(
        `| \`t.${name}(${{ enum: '…', list: '…' }[name] ?? ''})\` | ${cell(doc(node, `t.${name}`))} |`,
      );
    } else ts.forEachChild(node, visit);
  };
  visit(statement);
  if (rows.length < 10) throw new Error('the kinds of columns were not found');
  return ['| column | |', '| --- | --- |', ...rows].join('\n');
}

/** @param {readonly string[]} names */
function functionTable(names) {
  const rows = names.map((name) => {
    const node = declaration(name);
    if (!ts.isFunctionDeclaration(node)) throw new Error(`${name} is no function`);
    const parameters = node.parameters.map(
      (p) => `${p.name.getText()}${p.questionToken ? '?' : ''}`,
    );
    const text = doc(node, name).split('\n\n')[0] ?? '';
    return `| \`${name}(${parameters.join(', ')})\` | ${cell(text)} |`;
  });
  return ['| aggregate | |', '| --- | --- |', ...rows].join('\n');
}

const text = `<!-- Written by scripts/manifest-reference.mjs out of the comments in engine/manifest. -->

# The manifest

What a title is made of, as \`import { … } from 'tickloom'\` offers it. A manifest is a module whose default export is a title (\`title.ts\`, \`title.js\`), or its JSON; every verb of the command line that takes one takes either. [your-own-title.md](your-own-title.md) makes one from an empty folder; [limits.md](limits.md#manifests) says how large it may be.

## \`defineTitle\`

${described('defineTitle')}

${memberTable('defineTitle')}

## Tables

### \`actionTable(columns, options?)\`

${described('actionTable')}

### \`eventTable(columns, options?)\`

${described('eventTable')}

### \`stateTable(columns, options)\`

${described('stateTable')}

${memberTable('StateTableOptions')}
${memberTable('TableOptions').split('\n').slice(2).join('\n')}

## Columns

${described('t')}

${columnTable()}

${memberTable('ColumnBuilder').replaceAll('| yes |', '| |').replaceAll('| `', '| `.').replace('| member | needed | |', '| behind it | | |')}

## Views

A view is a table of its own that every tick keeps up to date, and that can be followed.

### Groups

${described('GroupViewOf')}

${memberTable('GroupViewOf')}
${memberTable('ViewOptions').split('\n').slice(2).join('\n')}

Aggregates:

${functionTable(['count', 'countDistinct', 'sum', 'min', 'max', 'sumLength'])}

Each takes options as its last argument:

${memberTable('AggregateOptions')}

### Tops

${described('TopViewSpec')}

${memberTable('TopViewSpec')}
${memberTable('ViewOptions').split('\n').slice(2).join('\n')}

## Roles

${described('RoleSpec')}

${memberTable('RoleSpec')}

Access to a table: ${described('TableAccess').replace(/^What a role may do with a table\.\s*/, '\n\n')}

${described('BoundedAccess')}

${memberTable('BoundedAccess')}

\`onTables\`: ${described('onTables').replace(/^T/, 't')}

## Changing one

Descriptions, views, roles and indexes may change at any time; tables may be added, optional columns and values of an enum too, at the end of their list. Everything else is refused at the start by \`MIGRATION_REFUSED\`, which names each place and touches nothing.
`;

if (process.argv.includes('--check')) {
  if (readFileSync(page, 'utf8') !== text) {
    console.error(
      'docs/manifest.md is not what the comments say; mend it by: npm run docs:manifest',
    );
    process.exit(1);
  }
  console.log('docs/manifest.md says what the hovers say');
} else {
  writeFileSync(page, text);
}
