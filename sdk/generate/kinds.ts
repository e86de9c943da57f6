import { type BaseKind, type KindRow, kinds } from '../runtime/kinds.ts';

export type ManifestKind = Exclude<BaseKind, 'count'>;
/** The kinds of a manifest, that of a view's count of rows, and that of the system column `position`. */
export type SdkKind = BaseKind | 'position';

/** What generated code makes of a kind of column. */
export const kindTexts: { readonly [Kind in SdkKind]: Pick<KindRow, 'type' | 'sum'> } = {
  ...kinds,
  position: { type: 'Position', sum: null },
};

export function isManifestKind(kind: unknown): kind is ManifestKind {
  return typeof kind === 'string' && Object.hasOwn(kinds, kind) && kind !== 'count';
}
