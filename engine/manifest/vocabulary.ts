import type { Capability, QueryClass, ScalarKind } from '../model/types.ts';

/** The closed unions of `types.ts` as lists; the compiler holds each complete. */

export const scalarKinds = namesOf<ScalarKind>({
  bool: true,
  i8: true,
  i16: true,
  i32: true,
  i64: true,
  u8: true,
  u16: true,
  u32: true,
  u64: true,
  f32: true,
  f64: true,
  string: true,
  enum: true,
  uuid: true,
  timestamp: true,
  json: true,
  bytes: true,
});

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
});

function namesOf<Name extends string>(names: { readonly [N in Name]: true }): readonly Name[] {
  return Object.keys(names) as Name[];
}
