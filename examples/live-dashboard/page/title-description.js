/**
 * What a title is, as its server tells whoever has a token: asked once, at sign-in.
 *
 * @typedef {import('./live-view.js').ViewDefinition} ViewDefinition
 * @typedef {import('./sign-in.js').Credentials} Credentials
 * @typedef {{ title: string, views: readonly ViewDefinition[] }} TitleDescription
 */

/** A refusal of the server, with the code that says which. */
export class Refused extends Error {
  /**
   * @param {string} code
   * @param {string} message
   */
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

/** The path of a title; of the server's only one where none was named. @param {string} title */
export function titlePath(title) {
  return title === '' ? '' : `/${encodeURIComponent(title)}`;
}

/**
 * The title's name and the views that the role may see, with their columns. Throws `Refused`.
 *
 * @param {Credentials} credentials
 * @returns {Promise<TitleDescription>}
 */
export async function describeTitle(credentials) {
  const manifest = await ask(credentials, 'manifest.json');
  const role = roleOf(credentials, manifest.roles);
  /** @type {string[]} */
  const names = role ? role.views : manifest.views.map((/** @type {any} */ view) => view.name);
  return { title: manifest.title, views: await withColumns(credentials, names) };
}

/**
 * @param {Credentials} credentials
 * @param {string} query
 */
export async function askGraphql(credentials, query) {
  const { data, errors } = await ask(credentials, 'graphql', {
    method: 'POST',
    body: JSON.stringify({ query }),
  });
  if (errors) throw new Refused(errors[0].extensions.code, errors[0].message);
  return data;
}

/**
 * @param {Credentials} credentials
 * @param {string} path
 * @param {RequestInit} init
 */
async function ask({ title, ...who }, path, init = {}) {
  const headers = { ...authority(who), 'content-type': 'application/json' };
  const response = await fetch(`${titlePath(title)}/${path}`, { ...init, headers }).catch(() => {
    throw new Refused('UNREACHABLE', 'The server cannot be reached. Is it running?');
  });
  if (response.ok) return response.json();
  throw await refusalOf(response);
}

/**
 * What a request, or a WebSocket as it begins, says of who asks. A browser that is signed in has a
 * cookie for that, and may choose among its roles.
 *
 * @param {Pick<Credentials, 'token' | 'role'>} credentials
 * @returns {Record<string, string>}
 */
export function authority({ token, role }) {
  if (token !== null) return { authorization: `Bearer ${token}` };
  return role === null ? {} : { 'x-tickloom-role': role };
}

/** @param {Response} response */
export async function refusalOf(response) {
  try {
    const [error] = (await response.json()).errors;
    return new Refused(error.extensions.code, error.message);
  } catch {
    return new Refused('UNKNOWN', `The server answered with HTTP status ${response.status}.`);
  }
}

/**
 * The role of a token that was pasted stands in one of its claims, whatever the server calls it.
 *
 * @param {Credentials} credentials
 * @param {readonly { name: string, views: string[] }[]} roles
 */
function roleOf({ role, token }, roles) {
  const named = new Set(role === null ? textsOf(claimsOf(token ?? '')) : [role]);
  return roles.find(({ name }) => named.has(name));
}

/** @param {string} token */
function claimsOf(token) {
  try {
    const payload = token.split('.')[1]?.replaceAll('-', '+').replaceAll('_', '/') ?? '';
    return JSON.parse(atob(payload));
  } catch {
    return null;
  }
}

/** @param {unknown} value @returns {string[]} */
function textsOf(value) {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsOf) : [];
}

/**
 * @param {Credentials} credentials
 * @param {readonly string[]} names
 * @returns {Promise<ViewDefinition[]>}
 */
async function withColumns(credentials, names) {
  if (names.length === 0) return [];
  const types = names.map((name, i) => {
    const type = name.charAt(0).toUpperCase() + name.slice(1);
    return `r${i}: __type(name: "${type}") { fields { name } } k${i}: __type(name: "${type}Key") { fields { name } }`;
  });
  const data = await askGraphql(credentials, `{ ${types.join(' ')} }`);
  const fieldsOf = (/** @type {any} */ type) =>
    /** @type {string[]} */ (type.fields.map((/** @type {any} */ field) => field.name));
  return names.map((name, i) => ({
    name,
    key: fieldsOf(data[`k${i}`]),
    columns: fieldsOf(data[`r${i}`]),
  }));
}
