import type { Capability, QueryClass } from '../model/types.ts';

/** The closed unions of `types.ts` as lists; the compiler holds each complete. */

export const queryClasses = namesOf<QueryClass>({ GAMEPLAY: true, OPERATOR: true, ARCHIVAL: true });

export const capabilities = namesOf<Capability>({
  session: true,
  commit: true,
  sql: true,
  export: true,
  explain: true,
  kill: true,
  audit: true,
  manifest: true,
  roles: true,
  backup: true,
  personal: true,
  erase: true,
});

function namesOf<Name extends string>(names: { readonly [N in Name]: true }): readonly Name[] {
  return Object.keys(names) as Name[];
}
