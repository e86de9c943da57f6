import type { AshfallClient } from '../examples/ashfall/tickloom.ts';
import type { MatchCounts } from './match-counts.ts';

/** Where the server's own count of a session differs from the importer's. Empty: nowhere. */
export async function countDifferences(
  client: AshfallClient,
  sessionId: string,
  counts: MatchCounts,
): Promise<string[]> {
  const { groups } = await client.actionLog.groups({
    where: { sessionId: { eq: sessionId } },
    by: ['kind'],
    minPosition: client.position ?? undefined,
  });
  const stored = new Map<string, number>(groups.map(({ key, count }) => [key.kind, count]));
  const kinds = new Set([...stored.keys(), ...counts.byKind.keys()]);
  const differences: string[] = [];
  for (const kind of kinds) {
    const sent = counts.byKind.get(kind) ?? 0;
    const there = stored.get(kind) ?? 0;
    if (sent !== there) differences.push(`${kind}: ${sent} imported, ${there} stored`);
  }
  return differences;
}
