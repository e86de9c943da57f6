import { type OpenReads, steadyRead } from '../../govern/open-reads.ts';
import type { Work } from '../../govern/work.ts';
import type { Row } from '../../model/types.ts';

/** Groups of a view, by number, for a read that may take several turns of the event loop. */
export interface ReadGroups {
  readonly reads: OpenReads;
  /** The numbers of all groups there may be, in the order of the answer, as they are now. */
  readonly ordered: () => Iterable<number>;
  /** Whether the group belongs to what is read, before its row is made. */
  readonly isThere: (group: number) => boolean;
  readonly row: (group: number) => Row;
  readonly matches: (row: Row) => boolean;
  /** What making a row and asking whether it matches costs. */
  readonly rowUnits: number;
}

/** The rows that match, in order, as if all were read in the last of the turns. */
export function* groupSnapshot(groups: ReadGroups): Work<readonly Row[]> {
  const rows = new Map<number, Row>();
  let disordered = false;
  const read = groups.reads.open();
  try {
    yield groups.rowUnits;
    yield* steadyRead(read, groups.ordered(), {
      take: (group) => {
        if (!groups.isThere(group)) return 1;
        const row = groups.row(group);
        if (groups.matches(row)) rows.set(group, row);
        return groups.rowUnits;
      },
      drop: (group) => {
        disordered = true;
        rows.delete(group);
      },
    });
  } finally {
    read.close();
  }
  return disordered ? inOrder(groups.ordered(), rows) : [...rows.values()];
}

/** The rows there are, in the order of their numbers. */
function inOrder(order: Iterable<number>, rows: ReadonlyMap<number, Row>): Row[] {
  const ordered: Row[] = [];
  for (const number of order) {
    const row = rows.get(number);
    if (row) ordered.push(row);
  }
  return ordered;
}
