/** A name in SQL. Names come from the manifest or are this room's own; values never come this way. */
export function quoteName(name: string): string {
  return `\`${name.replaceAll('\\', '\\\\').replaceAll('`', '\\`')}\``;
}

/** The name of a column, or of a part of one: `velocity`.`x`. */
export function quotePath(name: string): string {
  return name.split('.').map(quoteName).join('.');
}

/**
 * A name that a query of this room's own gives to an expression or to the variable of a lambda. No
 * name in a manifest has an underscore, so no column of a user is ever taken for it: ClickHouse
 * reads an alias before a column, wherever in the query it stands.
 */
export function ownName(name: string): string {
  return `_${name}`;
}

/** A string literal as ClickHouse writes it; for definitions, where parameters are not possible. */
export function quoteText(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
