import { storedOrder } from '../../model/system-columns.ts';
import type { TableDefinition } from '../../model/types.ts';
import type { Condition } from '../../query/condition.ts';
import { fixedValues } from '../../query/fixed-values.ts';
import { scanRefused } from '../../query/scan-refused.ts';

/**
 * Throws `SCAN_REFUSED` for a read of a table with more than `rowsMax` rows that the order in which
 * they are stored does not serve: it does not fix the first column of it.
 */
export function refuseScan(table: TableDefinition, where: Condition | null, rowsMax: number): void {
  const [first] = storedOrder(table);
  if (first === undefined || fixedValues(where).has(first)) return;
  throw scanRefused(table.name, `give ${first} by eq or in`, rowsMax);
}
