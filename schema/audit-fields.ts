import type { Row } from '../engine/index.ts';
import type { ColumnDefinition } from '../engine/model/types.ts';
import { auditColumns, auditConditions } from '../resolvers/audit-columns.ts';
import { auditActions } from '../resolvers/audit-event.ts';
import { auditLog, auditPosition } from '../resolvers/audit-log.ts';
import { columnValue, jsonColumnValue } from '../resolvers/column-value.ts';
import { addConnection } from './connection.ts';
import type { RelationColumn } from './relation.ts';
import { addFilterType } from './row-types.ts';
import type { SchemaScope } from './scope.ts';
import type { SharedTypes } from './shared-types.ts';

/** `auditLog`. */
export function addAuditFields(scope: SchemaScope, shared: SharedTypes): void {
  const { builder } = scope;
  const shown = auditColumns.filter(({ name }) => name !== 'lsn').map(relationColumn);
  const entry = builder.objectRef<Row>('AuditEntry').implement({
    description:
      'One thing that was done, or refused, and by whom: names and numbers, never values of rows.',
    fields: (t) => ({
      ...Object.fromEntries(
        shown.map((column) => {
          const { name, kind, optional } = column.definition;
          return [
            name,
            t.field({
              type: scope.columns.typeOf(column),
              nullable: optional,
              description: column.description,
              resolve: kind === 'json' ? jsonColumnValue(name) : columnValue(name),
            }),
          ];
        }),
      ),
      position: t.field({
        type: 'Position',
        nullable: true,
        description: "The place in the title's log that it wrote, or read as of.",
        resolve: auditPosition,
      }),
    }),
  });
  const where = addFilterType(
    scope,
    'AuditWhere',
    [...auditConditions.values()].map(relationColumn),
    'Which records of the audit log. Everything in one object must hold; an empty object holds for every record.',
  );
  const connection = addConnection<Row>(scope, shared, {
    typeName: 'Audit',
    node: entry,
    of: 'the audit log',
    edge: 'A record',
    noun: 'record',
    position: null,
  });
  builder.queryField('auditLog', (t) =>
    t.field({
      type: connection,
      description:
        'Who did what, and what was refused, the newest first. It waits until everything recorded before can be read.',
      args: {
        where: t.arg({ type: where, description: 'Which records; all where it is left out.' }),
        first: t.arg.int({ description: 'Records of the page at most; 100 where it is left out.' }),
        after: t.arg.string({ description: 'The cursor after which the page begins.' }),
      },
      resolve: auditLog,
    }),
  );
}

function relationColumn(definition: ColumnDefinition): RelationColumn {
  const description = descriptions[definition.name] ?? '';
  return { definition, enumName: null, description };
}

const descriptions: Readonly<Record<string, string>> = {
  sequence:
    'Its number in the log that it comes from: in the audit log, or of a commit its position.',
  source: '`audit`: a record of the audit log; `log`: a commit, as the log of the title has it.',
  at: 'When it was done.',
  action: `What was done: ${auditActions.map((action) => `\`${action}\``).join(', ')}.`,
  outcome: '`done`; `refused`, where nothing was changed or told; or `failed`.',
  code: 'The code of the error that it was answered with; null where there was none.',
  subject: 'Who did it: the `sub` of the token, or `operator` for whoever runs the server.',
  role: 'With which role.',
  address: 'The address of the connection: of a proxy, where one stands before the server.',
  client: 'The program that asked, as it calls itself (`user-agent`).',
  requestId: 'By which the request is found in logs and errors.',
  class: 'The class of the request: `GAMEPLAY`, `OPERATOR` or `ARCHIVAL`.',
  operation: 'The name that the GraphQL document gives to the operation.',
  fingerprint: 'Tells documents apart: the first half of the SHA-256 of the text.',
  session: 'The session it is about.',
  tick: 'The tick of a commit; null of a direct write.',
  tables: 'The tables that it wrote, or the table or view it is about.',
  table: 'The table or view it is about, where that is one.',
  columns: 'The columns it wrote or read.',
  rowsRead: 'Rows that it answered; of SQL those that were looked at.',
  bytesRead: 'Bytes that it read in the column store, or of an export that were sent.',
  rowsWritten: 'Rows that it wrote.',
  accepted: 'Actions of a tick that were accepted.',
  rejected: 'Actions of a tick that were rejected.',
  elapsedMs: 'From the beginning of the request until it was recorded.',
  times: 'How often: above 1 where the same refusals were counted in one record.',
  details: 'What else there is to say of this action, by name.',
};
