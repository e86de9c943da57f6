import { pseudonymChars, pseudonymScope } from '../../access/column-mask.ts';
import { quoteName, quoteText } from './sql-text.ts';

/** SQL for the two pads that make a pseudonym, each as hexadecimal digits. */
export interface PadsSql {
  readonly inner: string;
  readonly outer: string;
}

/** The pseudonyms of a column of texts, as `ColumnMasks.shown` makes them: HMAC-SHA-256, cut. */
export function pseudonymSql(table: string, column: string, pads: PadsSql): string {
  const scope = quoteText(pseudonymScope(table, column)).replaceAll('\0', '\\0');
  const inner = `SHA256(concat(unhex(${pads.inner}), ${scope}, ${quoteName(column)}))`;
  const hash = `SHA256(concat(unhex(${pads.outer}), ${inner}))`;
  return `substring(base64URLEncode(${hash}), 1, ${pseudonymChars})`;
}
