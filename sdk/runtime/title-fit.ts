import { TickloomError } from './errors.ts';
import type { TableDescriptor, TitleDescriptor, ViewDescriptor } from './title.ts';

type Part = (TableDescriptor | ViewDescriptor) & { readonly kind?: TableDescriptor['kind'] };
type Parts = { readonly [name: string]: Part };

/**
 * What code that was generated from `used` could not work with where `served` is there: tables, views,
 * columns and values that are gone or are something else. What was added is no misfit.
 */
export function misfits(used: TitleDescriptor, served: TitleDescriptor): string[] {
  return [
    ...partMisfits('table', used.tables, served.tables),
    ...partMisfits('view', used.views, served.views),
  ];
}

/** The refusal that says what differs and what to do. */
export function misfitError(title: string, differences: readonly string[]): TickloomError {
  return new TickloomError(
    'SCHEMA_MISMATCH',
    `the server's manifest of "${title}" no longer fits this client: ${differences.join('; ')}. Generate the SDK again: npx tickloom generate sdk --url <server> --title ${title} --out <file>`,
    { details: { differences } },
  );
}

function partMisfits(what: string, used: Parts, served: Parts): string[] {
  return Object.entries(used).flatMap(([name, part]) => {
    const found = own(served, name);
    if (found === undefined) return [`${what} "${name}" is gone`];
    if (found.kind !== part.kind) {
      return [`${what} "${name}" is of kind ${found.kind}, not ${part.kind}`];
    }
    const key = String(found.key ?? []);
    const isKeyed = key === String(part.key ?? []);
    return [
      ...(isKeyed ? [] : [`the key of ${what} "${name}" is (${key}), not (${part.key})`]),
      ...columnMisfits(name, part, found),
    ];
  });
}

function columnMisfits(name: string, used: Part, served: Part): string[] {
  return Object.entries(used.columns).flatMap(([column, spec]) => {
    const place = `"${name}.${column}"`;
    const found = own(served.columns, column);
    if (found === undefined) return [`column ${place} is gone`];
    if (found !== spec) return [`column ${place} is ${found}, not ${spec}`];
    const values = own(served.values ?? {}, column) ?? [];
    return (own(used.values ?? {}, column) ?? [])
      .filter((value) => !values.includes(value))
      .map((value) => `value ${value} of ${place} is gone`);
  });
}

/** Names are what an author likes; none is a property of all objects. */
function own<Value>(object: { readonly [name: string]: Value }, name: string): Value | undefined {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}
