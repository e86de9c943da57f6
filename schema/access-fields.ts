import type { AccessExplanation } from '../engine/index.ts';
import { accessExplanation } from '../resolvers/access.ts';
import type { SchemaScope } from './scope.ts';

/** `explainAccess`. */
export function addAccessFields(scope: SchemaScope): void {
  const explanation = addExplanationType(scope);
  scope.builder.queryField('explainAccess', (t) =>
    t.field({
      type: explanation,
      description:
        'Why whoever has a role and claims may, or may not, see a table, or one row of it; for roles that manage roles.',
      args: {
        role: t.arg.string({ required: true, description: 'The role of the title.' }),
        claims: t.arg({ type: 'JSON', description: 'The claims of the token, by name.' }),
        table: t.arg.string({ required: true, description: 'The table.' }),
        key: t.arg({
          type: 'JSON',
          description: 'The whole key of a live row; of no row in particular where it is left out.',
        }),
      },
      resolve: accessExplanation,
    }),
  );
}

function addExplanationType({ builder }: SchemaScope) {
  const shown = builder.enumType('ColumnShown', {
    description: 'How a role sees a column.',
    values: {
      PLAIN: { value: 'plain', description: 'As it is.' },
      NULL: { value: 'null', description: 'Null in the place of every value.' },
      HASH: { value: 'hash', description: 'A pseudonym in the place of every value.' },
      HIDDEN: { value: 'hidden', description: 'Not at all.' },
    },
  });
  const right = builder.objectRef<AccessExplanation['rights'][number]>('TableRight').implement({
    description: 'Whether a role has a right on a table.',
    fields: (t) => ({
      right: t.exposeString('right', { description: '`read`, `aggregate`, `append` or `write`.' }),
      allowed: t.exposeBoolean('allowed', { description: 'Whether it has it.' }),
      rule: t.exposeString('rule', { description: 'The rule that decided.' }),
    }),
  });
  const column = builder.objectRef<AccessExplanation['columns'][number]>('ColumnAccess').implement({
    description: 'How a role sees one column.',
    fields: (t) => ({
      column: t.exposeString('column', { description: 'The column.' }),
      shown: t.expose('shown', { type: shown, description: 'How it is seen.' }),
    }),
  });
  return builder.objectRef<AccessExplanation>('AccessExplanation').implement({
    description: 'Why a role may, or may not, see a table or a row.',
    fields: (t) => ({
      visible: t.exposeBoolean('visible', { description: 'Whether it may.' }),
      rule: t.exposeString('rule', { description: 'The rule that decided, in words.' }),
      rights: t.expose('rights', { type: [right], description: 'Each right on the table.' }),
      columns: t.expose('columns', { type: [column], description: 'How it sees each column.' }),
    }),
  });
}
