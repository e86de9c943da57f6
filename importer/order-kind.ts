/**
 * The order types of the game in sequence from 0, as `ashfall`'s `kind` spells them. Other kinds
 * of commands follow in `CommandKind`.
 */
export const orderKinds = [
  'NONE',
  'STOP',
  'MOVE',
  'DIVE',
  'FORM_MOVE',
  'BUILD_SILO_TACTICAL',
  'BUILD_SILO_NUKE',
  'BUILD_FACTORY',
  'BUILD_MOBILE',
  'BUILD_ASSIST',
  'ATTACK',
  'FORM_ATTACK',
  'NUKE',
  'TACTICAL',
  'TELEPORT',
  'GUARD',
  'PATROL',
  'FERRY',
  'FORM_PATROL',
  'RECLAIM',
  'REPAIR',
  'CAPTURE',
  'TRANSPORT_LOAD',
  'TRANSPORT_REVERSE_LOAD',
  'TRANSPORT_UNLOAD',
  'TRANSPORT_UNLOAD_SPECIFIC',
  'DETACH_FROM_TRANSPORT',
  'UPGRADE',
  'SCRIPT',
  'ASSIST_COMMANDER',
  'KILL_SELF',
  'DESTROY_SELF',
  'SACRIFICE',
  'PAUSE',
  'OVER_CHARGE',
  'AGGRESSIVE_MOVE',
  'FORM_AGGRESSIVE_MOVE',
  'ASSIST_MOVE',
  'SPECIAL_ACTION',
  'DOCK',
] as const;

export type OrderKind = (typeof orderKinds)[number];
/** A row's kind: an order, or one of the commands that are none. */
export type CommandKind = OrderKind | 'TOGGLE' | 'RETARGET' | 'COUNT' | 'DEQUEUE' | 'CALLBACK';
