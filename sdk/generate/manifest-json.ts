import { isManifestKind, type ManifestKind } from './kinds.ts';

/**
 * The manifest's JSON, format 1, as `GET /{title}/manifest.json` answers it: the parts a client
 * needs. Declared here on its own, for the SDK imports nothing of the server.
 */
export interface ManifestJson {
  readonly format: 1;
  readonly title: string;
  readonly version: number;
  readonly tables: readonly TableJson[];
  readonly views: readonly ViewJson[];
}

export interface TableJson {
  readonly name: string;
  readonly description?: string;
  readonly kind: 'action' | 'event' | 'state';
  /** The declared columns, the key's included. */
  readonly columns: readonly ColumnJson[];
  readonly key: readonly string[];
}

export interface ColumnJson {
  readonly name: string;
  readonly description?: string;
  readonly kind: ManifestKind;
  readonly optional: boolean;
  readonly list: boolean;
  readonly values: readonly string[];
}

export type ViewJson =
  | {
      readonly name: string;
      readonly description?: string;
      readonly kind: 'group';
      readonly from: string;
      readonly groupBy: readonly string[];
      readonly tickWindow: number | null;
      readonly columns: readonly ViewColumnJson[];
    }
  | {
      readonly name: string;
      readonly description?: string;
      readonly kind: 'top';
      readonly from: string;
    };

export interface ViewColumnJson {
  readonly name: string;
  readonly description?: string;
  readonly aggregate: AggregateJson;
}

export interface AggregateJson {
  readonly op: 'count' | 'countDistinct' | 'sum' | 'min' | 'max' | 'sumLength';
  readonly column?: string;
  readonly where?: unknown;
}

/**
 * Checks as much of the shape as the generator builds on. Throws `TypeError` that names the place.
 * What the server has deployed is valid; this catches a file that is something else.
 */
export function parseManifestJson(value: unknown): ManifestJson {
  const manifest = objectAt(value, 'the manifest');
  if (manifest.format !== 1) {
    throw new TypeError(
      `this SDK reads manifests of format 1, not ${JSON.stringify(manifest.format)}`,
    );
  }
  textAt(manifest.title, 'title');
  if (typeof manifest.version !== 'number') throw new TypeError('version: must be a number');
  listAt(manifest.tables, 'tables').forEach((table, i) => {
    checkTable(table, `tables[${i}]`);
  });
  listAt(manifest.views, 'views').forEach((view, i) => {
    checkView(view, `views[${i}]`);
  });
  return manifest as unknown as ManifestJson;
}

function checkTable(value: unknown, place: string): void {
  const table = objectAt(value, place);
  textAt(table.name, `${place}.name`);
  checkDescription(table, place);
  if (table.kind !== 'action' && table.kind !== 'event' && table.kind !== 'state') {
    throw new TypeError(`${place}.kind: must be action, event or state`);
  }
  listAt(table.key, `${place}.key`);
  listAt(table.columns, `${place}.columns`).forEach((column, i) => {
    const at = `${place}.columns[${i}]`;
    const { name, kind, values, ...more } = objectAt(column, at);
    textAt(name, `${at}.name`);
    checkDescription(more, at);
    if (!isManifestKind(kind)) {
      throw new TypeError(`${at}.kind: this SDK knows no ${JSON.stringify(kind)}`);
    }
    listAt(values, `${at}.values`);
  });
}

function checkView(value: unknown, place: string): void {
  const view = objectAt(value, place);
  textAt(view.name, `${place}.name`);
  checkDescription(view, place);
  textAt(view.from, `${place}.from`);
  if (view.kind === 'top') return;
  if (view.kind !== 'group') throw new TypeError(`${place}.kind: must be group or top`);
  listAt(view.groupBy, `${place}.groupBy`);
  listAt(view.columns, `${place}.columns`).forEach((column, i) => {
    const at = `${place}.columns[${i}]`;
    const { name, aggregate, ...more } = objectAt(column, at);
    textAt(name, `${at}.name`);
    checkDescription(more, at);
    textAt(objectAt(aggregate, `${at}.aggregate`).op, `${at}.aggregate.op`);
  });
}

function checkDescription({ description }: Record<string, unknown>, place: string): void {
  if (description === undefined || typeof description === 'string') return;
  throw new TypeError(`${place}.description: must be a string`);
}

function objectAt(value: unknown, place: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return value as Record<string, unknown>;
  }
  throw new TypeError(`${place}: must be an object`);
}

/** Names become identifiers in generated code: nothing else may come through. */
function textAt(value: unknown, place: string): string {
  if (typeof value === 'string' && /^[A-Za-z_][\w-]*$/.test(value)) return value;
  throw new TypeError(`${place}: must be a name`);
}

function listAt(value: unknown, place: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw new TypeError(`${place}: must be a list`);
}
