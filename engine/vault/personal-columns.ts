import type { TitleManifest } from '../model/types.ts';

/** Whether a title keeps values of persons at all; one that does not has no vault and pays nothing. */
export function hasPersonalColumns({ tables }: Pick<TitleManifest, 'tables'>): boolean {
  return tables.some(({ columns }) => columns.some(({ personal }) => personal !== undefined));
}
