/** What generated code makes of a kind of column. */
interface KindText {
  /** The kind's type in TypeScript; an enum has its own union. */
  readonly type: string;
  /** The kind of its sums, null of what is not added. */
  readonly sum: 'i64' | 'u64' | 'f64' | null;
}

const manifestKinds = {
  bool: { type: 'boolean', sum: null },
  i8: { type: 'number', sum: 'i64' },
  i16: { type: 'number', sum: 'i64' },
  i32: { type: 'number', sum: 'i64' },
  i64: { type: 'bigint', sum: 'i64' },
  u8: { type: 'number', sum: 'u64' },
  u16: { type: 'number', sum: 'u64' },
  u32: { type: 'number', sum: 'u64' },
  u64: { type: 'bigint', sum: 'u64' },
  f32: { type: 'number', sum: 'f64' },
  f64: { type: 'number', sum: 'f64' },
  string: { type: 'string', sum: null },
  enum: { type: 'string', sum: null },
  uuid: { type: 'string', sum: null },
  timestamp: { type: 'Date', sum: null },
  json: { type: 'Json', sum: null },
  bytes: { type: 'Uint8Array', sum: null },
  vec3: { type: 'Vec3', sum: null },
} satisfies { readonly [kind: string]: KindText };

export type ManifestKind = keyof typeof manifestKinds;
/** The kinds of a manifest, that of a view's count of rows, and that of the system column `position`. */
export type SdkKind = ManifestKind | 'count' | 'position';

export const kindTexts: { readonly [Kind in SdkKind]: KindText } = {
  ...manifestKinds,
  count: { type: 'number', sum: null },
  position: { type: 'Position', sum: null },
};

export function isManifestKind(kind: unknown): kind is ManifestKind {
  return typeof kind === 'string' && Object.hasOwn(manifestKinds, kind);
}
