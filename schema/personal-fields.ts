import type { Erasure } from '../engine/index.ts';
import { eraseSubject } from '../resolvers/personal.ts';
import type { SchemaScope } from './scope.ts';

/** `eraseSubject`. */
export function addPersonalFields({ builder }: SchemaScope): void {
  const erasure = builder.objectRef<Erasure>('Erasure').implement({
    description: 'What was erased of a person.',
    fields: (t) => ({
      values: t.exposeInt('values', {
        description: 'Values that are gone; 0 where there was none.',
      }),
    }),
  });
  builder.mutationField('eraseSubject', (t) =>
    t.field({
      type: erasure,
      description:
        'Erases every value of a person: those of personal columns whose subject it is, and its own name in them, and names and addresses in records of what it did. Rows, hashes and the log stay; where the values were, tokens are left that say nothing. It cannot be undone.',
      args: {
        subject: t.arg.string({
          required: true,
          description: 'The person, as the column of subjects, or the value itself, names it.',
        }),
      },
      resolve: eraseSubject,
    }),
  );
}
