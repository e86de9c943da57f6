import { EngineError } from '../model/errors.ts';
import { limits } from '../model/limits.ts';
import type { TitleManifest } from '../model/types.ts';
import { checkGraphqlNames } from './graphql-names.ts';
import { titleProblem } from './names.ts';
import { Problems } from './problems.ts';
import { readRoles } from './validate-roles.ts';
import { readTables } from './validate-tables.ts';
import { readViews } from './validate-views.ts';

/** The format this version writes, and the only one it reads. */
const manifestFormat = 1;

/**
 * A manifest out of anything: JSON that was stored or sent, or what the builder made. Reads every
 * part even where another is wrong, and returns a copy that holds what is known and nothing else.
 *
 * @throws EngineError `SCHEMA_MISMATCH`; `details.problems` lists each `{ place, message }`
 */
export function validateManifest(value: unknown): TitleManifest {
  checkFormat(value);
  const problems = new Problems();
  const manifest = readManifest(problems, value);
  problems.throwIfAny('the manifest');
  if (!manifest) throw new TypeError('a manifest without problems was read');
  return manifest;
}

/** Another format may mean anything by the rest, so nothing else is said of it. */
function checkFormat(value: unknown): void {
  const format =
    typeof value === 'object' && value !== null && 'format' in value ? value.format : undefined;
  if (format === manifestFormat || format === undefined) return;
  const message =
    typeof format === 'number' && format > manifestFormat
      ? `is ${format}, of a newer version of Tickloom; this one reads format ${manifestFormat}: upgrade it`
      : `must be ${manifestFormat}`;
  throw new EngineError('SCHEMA_MISMATCH', `the manifest has a problem: format: ${message}`, {
    details: { problems: [{ place: 'format', message }] },
  });
}

function readManifest(problems: Problems, value: unknown): TitleManifest | null {
  const members = ['format', 'title', 'version', 'tables', 'views', 'roles'] as const;
  const manifest = problems.object(value, 'manifest', members);
  if (!manifest) return null;
  const title = problems.string(manifest.title, 'title');
  const titleFault = title === null ? null : titleProblem(title);
  if (titleFault !== null) problems.add('title', titleFault);
  const version = problems.integer(manifest.version, 'version', 1, Number.MAX_SAFE_INTEGER);
  const tables = readTables(problems, manifest.tables);
  const views = readViews(
    problems,
    problems.list(manifest.views, 'views', limits.manifestViewsMax),
    tables,
  );
  const roles = readRoles(
    problems,
    problems.list(manifest.roles, 'roles', limits.manifestRolesMax),
    tables,
    views,
  );
  checkGraphqlNames(problems, tables, views);
  if (title === null || version === null) return null;
  return { format: manifestFormat, title, version, tables, views, roles };
}
