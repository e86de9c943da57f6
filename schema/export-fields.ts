import type { ExportInfo } from '../resolvers/context.ts';
import {
  type CreateExportArguments,
  createExport,
  exportById,
  exportExpiresAt,
} from '../resolvers/exports.ts';
import { position } from '../resolvers/position.ts';
import type { SchemaScope } from './scope.ts';
import type { SharedTypes } from './shared-types.ts';

/** `createExport` and `export`. */
export function addExportFields(scope: SchemaScope, shared: SharedTypes): void {
  const { builder } = scope;
  const { format, compression } = addExportEnums(scope);
  const info = addExportType(scope, format);
  const input = builder.inputRef<CreateExportArguments>('CreateExportInput');
  builder.inputType(input, {
    description: 'What to export: a table, the result of SQL, or the audit log.',
    fields: (t) =>
      ({
        table: t.string({ description: 'Name of a table.' }),
        sql: t.string({
          description: 'A SELECT over the tables by their names, with parameters as `{name:Type}`.',
        }),
        audit: t.boolean({
          description:
            'The audit log, for roles with `audit`; `where` is then what `auditLog` takes.',
        }),
        parameters: t.field({ type: 'JSON', description: 'The parameters of `sql`, by name.' }),
        where: t.field({
          type: 'JSON',
          description: "Which rows of the table: what the table's list takes as `where`.",
        }),
        columns: t.stringList({
          description: 'Columns of the table, in this order; all if left out.',
        }),
        format: t.field({
          type: format,
          defaultValue: 'ARROW_STREAM',
          description: 'The format of the file.',
        }),
        compression: t.field({
          type: compression,
          defaultValue: 'NONE',
          description: 'How buffers inside the file are compressed. Not every reader has a codec.',
        }),
        sincePosition: t.field({
          type: 'Position',
          description:
            'Only rows committed after this: what an earlier export did not have. Of a state table, rows that are gone since come with their key and `deleted: true`.',
        }),
        asOf: t.field({
          type: shared.asOf,
          description: 'Rows as of then; as of now where it is left out.',
        }),
      }) as never,
  });
  builder.mutationField('createExport', (t) =>
    t.field({
      type: info,
      description:
        'Orders a bulk export and answers a signed link to it. Its rows are those of one place in the log, however late the link is read.',
      args: { input: t.arg({ type: input, required: true, description: 'What to export.' }) },
      resolve: createExport,
    }),
  );
  builder.queryField('export', (t) =>
    t.field({
      type: info,
      nullable: true,
      description: 'An export of yours; null where there is none of that id.',
      args: { id: t.arg.id({ required: true, description: 'Its id.' }) },
      resolve: exportById,
    }),
  );
}

function addExportEnums({ builder }: SchemaScope) {
  const format = builder.enumType('ExportFormat', {
    description: 'The format of an export.',
    values: {
      ARROW_STREAM: { description: 'Arrow IPC stream: readable while it arrives.' },
      ARROW_FILE: { description: 'Arrow IPC file: readable at any place once it is whole.' },
      PARQUET: { description: 'Apache Parquet.' },
    },
  });
  const compression = builder.enumType('ExportCompression', {
    description: 'Compression of the buffers of an export.',
    values: {
      NONE: { description: 'None; every reader can read it.' },
      LZ4: { description: 'LZ4: fast.' },
      ZSTD: { description: 'Zstandard: small.' },
    },
  });
  return { format, compression };
}

function addExportType(
  { builder }: SchemaScope,
  format: ReturnType<typeof addExportEnums>['format'],
) {
  const state = builder.enumType('ExportState', {
    description: 'How far an export is.',
    values: {
      READY: { description: 'The link has not been read yet.' },
      STREAMING: { description: 'It is being read.' },
      COMPLETE: { description: 'It was read to its end.' },
      FAILED: { description: 'Reading it failed.' },
      EXPIRED: { description: 'The link is no longer valid.' },
    } satisfies Record<ExportInfo['state'], unknown>,
  });
  return builder.objectRef<ExportInfo>('Export').implement({
    description: 'A bulk export and its link.',
    fields: (t) => ({
      id: t.exposeID('id', { description: 'Its id.' }),
      url: t.exposeString('url', {
        description:
          'The link. Whoever holds it can read the export, without any other credential.',
      }),
      expiresAt: t.field({
        type: 'DateTime',
        description: 'When the link ceases to be valid.',
        resolve: exportExpiresAt,
      }),
      state: t.expose('state', { type: state, description: 'How far it is.' }),
      position: t.field({
        type: 'Position',
        description: 'Its rows are exactly those as of here.',
        resolve: position,
      }),
      rows: t.expose('rows', {
        type: 'BigInt',
        nullable: true,
        description: 'Number of rows; null until it is known.',
      }),
      bytes: t.expose('bytes', {
        type: 'BigInt',
        nullable: true,
        description: 'Bytes of the file; null until they are known.',
      }),
      format: t.expose('format', { type: format, description: 'The format of the file.' }),
    }),
  });
}
