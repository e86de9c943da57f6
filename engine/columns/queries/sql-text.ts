/** A name in SQL. Names come from the manifest or are this room's own; values never come this way. */
export function quoteName(name: string): string {
  return `\`${name.replaceAll('\\', '\\\\').replaceAll('`', '\\`')}\``;
}

/** The name of a column, or of a part of one: `velocity`.`x`. */
export function quotePath(name: string): string {
  return name.split('.').map(quoteName).join('.');
}

/** A string literal as ClickHouse writes it; for definitions, where parameters are not possible. */
export function quoteText(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
