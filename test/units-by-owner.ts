import { validateManifest } from '../engine/manifest/validate.ts';
import type { GroupViewDefinition, TitleManifest } from '../engine/model/types.ts';
import { ashfall } from '../src/sandbox/ashfall.ts';

/** A view of ashfall's live units. */
export const unitsByOwner: GroupViewDefinition = {
  name: 'unitsByOwner',
  kind: 'group',
  from: 'unitState',
  groupBy: ['sessionId', 'ownerId'],
  tickWindow: null,
  columns: [
    { name: 'units', aggregate: { op: 'count' } },
    { name: 'health', aggregate: { op: 'sum', column: 'health' } },
    { name: 'weakest', aggregate: { op: 'min', column: 'health' } },
    { name: 'blueprints', aggregate: { op: 'countDistinct', column: 'blueprint' } },
  ],
};

/** Ashfall, where liveops also see how many units each player has, and who has the most health. */
export const ashfallOfOwners: TitleManifest = validateManifest({
  ...ashfall,
  version: ashfall.version + 1,
  views: [
    ...ashfall.views,
    unitsByOwner,
    {
      name: 'strongestOwner',
      kind: 'top',
      from: 'unitsByOwner',
      partitionBy: ['sessionId'],
      orderBy: 'health',
      limit: 1,
    },
  ],
  roles: ashfall.roles.map((role) =>
    role.name === 'liveops'
      ? { ...role, views: [...role.views, 'unitsByOwner', 'strongestOwner'] }
      : role,
  ),
});
