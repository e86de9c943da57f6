import type { ParameterValue } from './client.ts';
import { quoteText } from './queries/sql-text.ts';

/**
 * The setting by which values reach the views of `SeenDatabases`: a view has no parameters of the query
 * that reads it, but sees its settings. ClickHouse itself reads this one only where it parses text that
 * is inserted in the format Regexp; settings of one's own need a server's configuration, which the
 * embedded ClickHouse does not take. A user's text can neither set it nor ask for it.
 */
const setting = 'format_regexp';

/** SQL for the value of that name, of a ClickHouse type. */
export function seenValueSql(name: string, type: string): string {
  const text = `getSetting('${setting}')`;
  if (/^Array\(/.test(type)) {
    return `CAST(JSONExtract(${text}, ${quoteText(name)}, 'Array(String)'), ${quoteText(type)})`;
  }
  return `CAST(JSONExtractString(${text}, ${quoteText(name)}), ${quoteText(type)})`;
}

/** The settings of a query whose views are to have these values. */
export function seenValueSettings(
  values: Readonly<Record<string, ParameterValue>>,
): Readonly<Record<string, string>> {
  const texts = Object.entries(values).map(([name, value]) => [
    name,
    Array.isArray(value) ? value.map(String) : String(value),
  ]);
  return { [setting]: JSON.stringify(Object.fromEntries(texts)) };
}
