import type { Payload, PayloadValue } from '../match.ts';
import { isTable, type LuaTable, type LuaValue } from './lua-value.ts';

/** Whether text that players typed, their names in it, goes into payloads. */
export type TextPolicy = 'drop' | 'keep';

/**
 * Fields whose strings come from the game and not from a player. Any other string is kept only
 * where it is a number or a truth value: names and chat travel in many fields, and a list of
 * those to drop would miss the next one.
 */
const gameVocabulary = new Set([
  'Action',
  'Enhancement',
  'entity',
  'Ring',
  'target',
  'Target',
  'TaskName',
  'Type',
  'UpgradeTo',
]);
/** Fields that hold a player's own words even where they look like a number. */
const playersWords = new Set(['Message', 'Msg', 'Name', 'Sender']);
const literal = /^(?:true|false|-?\d{1,20}(?:\.\d{1,20})?)$/;

/** The argument of a callback or an order as JSON. Strings that may be a player's are left out. */
export function argumentPayload(value: LuaValue, text: TextPolicy): PayloadValue {
  return toJson(value, '', text) ?? null;
}

/** An info pair's value, or null where it may be a player's text. */
export function infoValue(name: string, value: string, text: TextPolicy): string | null {
  return text === 'keep' || (name !== 'CustomName' && literal.test(value)) ? value : null;
}

/** Chat travels as this callback with a message in it. */
export function isChat(callback: string, argument: LuaValue): boolean {
  return callback === 'GiveResourcesToPlayer' && isTable(argument) && argument.has('Msg');
}

/** A callback's payload; of chat only that it was. */
export function callbackPayload(name: string, argument: LuaValue, text: TextPolicy): Payload {
  if (isChat(name, argument) && text === 'drop') return { name, chat: true };
  return { name, arguments: argumentPayload(argument, text) };
}

function toJson(value: LuaValue, field: string, text: TextPolicy): PayloadValue | undefined {
  if (text === 'drop' && playersWords.has(field)) return undefined;
  if (isTable(value)) return tableToJson(value, text);
  if (typeof value === 'string') {
    const keep = text === 'keep' || gameVocabulary.has(field) || literal.test(value);
    return keep ? value : undefined;
  }
  if (typeof value === 'number') return Number.isFinite(value) ? value : null;
  return value;
}

function tableToJson(table: LuaTable, text: TextPolicy): PayloadValue {
  if (isList(table)) return [...table.values()].map((value) => toJson(value, '', text) ?? null);
  const fields: [string, PayloadValue][] = [];
  for (const [key, value] of table) {
    const field = typeof key === 'object' ? '' : String(key);
    const json = toJson(value, field, text);
    if (json !== undefined) fields.push([field, json]);
  }
  // Not assignment: a key "__proto__" must become a field like any other.
  return Object.fromEntries(fields);
}

/** Keys 1, 2, 3 … in this order: what Lua calls a sequence. */
function isList(table: LuaTable): boolean {
  if (table.size === 0) return false;
  let next = 1;
  for (const key of table.keys()) {
    if (key !== next) return false;
    next += 1;
  }
  return true;
}
