import type { SecondaryIndex } from '../state/secondary-index.ts';
import type { StateTable } from '../state/state-table.ts';
import { BrokenInvariant, rowPlace } from './broken-invariant.ts';

/**
 * Every list of an index: begins where its rows are looked for, holds rows alone, those of its
 * values alone, is linked both ways; and every row is in one, once. Throws `BrokenInvariant`.
 */
export function checkIndex(table: StateTable, index: SecondaryIndex): void {
  const isSeen = new Uint8Array(table.pages.slotCount);
  let rows = 0;
  let lists = 0;
  const demand = (holds: boolean, slot: number, complaint: string): void => {
    if (holds) return;
    const { place, key } = rowPlace(table, slot);
    throw new BrokenInvariant('indexes', { place: `${place}.${index.name}`, key }, complaint);
  };
  index.heads.forEach((head) => {
    lists++;
    let before = -1;
    for (let slot = head; slot !== -1; slot = index.nextOf(slot)) {
      // First what keeps a list that has become a ring from being walked for ever.
      demand(slot < isSeen.length && isSeen[slot] === 0, slot, 'is listed twice, or no slot');
      isSeen[slot] = 1;
      rows++;
      demand(table.isAlive(slot), slot, 'is listed and no row');
      demand(index.previousOf(slot) === before, slot, 'is not linked back to the row before');
      demand(index.headOf(slot) === head, slot, 'is listed under values that are not its own');
      before = slot;
    }
  });
  const complaint = `lists ${rows} of ${table.rowCount} rows, in ${lists} of ${index.heads.size} lists`;
  if (rows === table.rowCount && lists === index.heads.size) return;
  const place = `${table.table.name}.${index.name}`;
  throw new BrokenInvariant('indexes', { place, key: null }, complaint);
}
