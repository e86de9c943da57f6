import {
  actionTable,
  count,
  defineTitle,
  eventTable,
  stateTable,
  t,
} from '../../engine/manifest/index.ts';

const everyKind = {
  flag: t.bool(),
  tiny: t.i8(),
  small: t.i16(),
  whole: t.i32(),
  wide: t.i64(),
  utiny: t.u8(),
  usmall: t.u16(),
  uwhole: t.u32(),
  uwide: t.u64(),
  half: t.f32(),
  real: t.f64(),
  text: t.string(),
  colour: t.enum('RED', 'GREEN'),
  ref: t.uuid(),
  at: t.timestamp(),
  data: t.json(),
  raw: t.bytes(),
  place: t.vec3(),
};

/** A title with a column of every kind, present and optional, in a table of every sort. */
export const allKinds = defineTitle({
  title: 'kinds',
  version: 1,
  tables: {
    deed: actionTable({ ...everyKind, wides: t.list(t.i64()), refs: t.list(t.uuid()) }),
    thing: stateTable(
      {
        id: t.uuid(),
        ...everyKind,
        maybeWide: t.i64().optional(),
        maybeAt: t.timestamp().optional(),
        maybePlace: t.vec3().optional(),
      },
      { key: ['sessionId', 'id'] },
    ),
    badge: stateTable({ name: t.string() }, { key: ['name'] }),
    note: eventTable({ ...everyKind, maybeData: t.json().optional() }),
  },
  views: {
    deeds: { kind: 'group', from: 'deed', groupBy: ['colour', 'at'], columns: { n: count() } },
  },
  roles: {
    all: {
      class: 'OPERATOR',
      capabilities: ['session', 'commit'],
      tables: {
        deed: ['read', 'aggregate', 'write'],
        thing: ['read', 'aggregate', 'write'],
        badge: ['read', 'aggregate', 'write'],
        note: ['read', 'aggregate', 'write'],
      },
      views: ['deeds'],
    },
  },
});
