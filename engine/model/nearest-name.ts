/**
 * The name a writer most likely meant, or null where none is near: at most a third of the letters
 * differ (optimal string alignment distance; case counts for nothing), or one is the other with
 * something before or behind it.
 */
export function nearestName(name: string, candidates: Iterable<string>): string | null {
  const wanted = name.slice(0, nameLengthMax).toLowerCase();
  const distanceMax = Math.max(1, Math.floor(wanted.length / 3));
  let best: string | null = null;
  let bestDistance = Number.POSITIVE_INFINITY;
  for (const candidate of candidates) {
    const other = candidate.slice(0, nameLengthMax).toLowerCase();
    const distance = editDistance(wanted, other);
    const isNear = distance <= distanceMax || isPartOf(wanted, other) || isPartOf(other, wanted);
    if (isNear && distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

function isPartOf(part: string, whole: string): boolean {
  return part.length >= partLengthMin && (whole.startsWith(part) || whole.endsWith(part));
}

const partLengthMin = 3;

/** The end of a message about a name that is not there: the nearest one, else what there is. */
export function didYouMean(name: string, candidates: Iterable<string>): string {
  const all = [...new Set(candidates)];
  const nearest = nearestName(name, all.slice(0, candidatesComparedMax));
  if (nearest !== null) return `did you mean "${nearest}"?`;
  if (all.length === 0) return 'there is none at all';
  const shown = all.slice(0, candidatesShownMax).map((candidate) => `"${candidate}"`);
  return `known: ${shown.join(', ')}${all.length > shown.length ? ' and others' : ''}`;
}

/** An enum may have 65,535 values, and an error must stay cheap. */
const candidatesComparedMax = 1_000;
const nameLengthMax = 64;
const candidatesShownMax = 12;

function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = at(last, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1);
      let distance = Math.min(at(last, j) + 1, at(row, j - 1) + 1, substitution);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        distance = Math.min(distance, at(beforeLast, j - 2) + 1);
      }
      row.push(distance);
    }
    beforeLast = last;
    last = row;
  }
  return at(last, b.length);
}

function at(row: readonly number[], index: number): number {
  return row[index] as number;
}
