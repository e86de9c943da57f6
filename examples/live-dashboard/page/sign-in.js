import { byId, element } from './element.js';
import { refusalOf } from './title-description.js';

/**
 * @typedef {object} Credentials
 * @property {string} title
 * @property {string} token
 * @property {string} subject
 * @property {string | null} role  Null where the token was pasted: it cannot be asked for again.
 */

const storageKey = 'tickloom-console';

/** What this tab signed in with before a reload. @returns {Credentials | null} */
export function rememberedCredentials() {
  try {
    const remembered = JSON.parse(sessionStorage.getItem(storageKey) ?? 'null');
    return typeof remembered?.token === 'string' ? remembered : null;
  } catch {
    return null;
  }
}

/** Kept for this tab only, and gone with it. @param {Credentials | null} credentials */
export function remember(credentials) {
  if (credentials) sessionStorage.setItem(storageKey, JSON.stringify(credentials));
  else sessionStorage.removeItem(storageKey);
}

/**
 * Asks the sandbox for a token; throws an error fit to be shown.
 *
 * @param {{ title: string, role: string, subject: string }} wish
 * @returns {Promise<Credentials>}
 */
export async function askSandbox({ title, role, subject }) {
  /** @type {Response} */
  let response;
  try {
    const query = new URLSearchParams({ ...(title === '' ? {} : { title }), role, subject });
    response = await fetch(`/sandbox/token?${query}`, { method: 'POST' });
  } catch {
    throw new Error('The server cannot be reached. Is it running?');
  }
  if (!response.ok) {
    const { code, message } = await refusalOf(response);
    if (response.status === 404 && code !== 'UNKNOWN_TITLE') {
      throw new Error('This server is no sandbox: it hands out no tokens. Paste one you have.');
    }
    throw new Error(`The sandbox gave no token: ${message} (${code}).`);
  }
  return { title, role, subject, token: (await response.text()).trim() };
}

/**
 * Offers the titles that the sandbox serves and the roles of the one that is named, those that see
 * most first. Without a sandbox there are no roles to choose: a token says its own.
 */
export async function offerTitles() {
  const field = /** @type {HTMLInputElement} */ (
    byId('sign-in-form').querySelector('[name=title]')
  );
  const response = await fetch('/sandbox/titles').catch(() => null);
  /** @type {readonly { title: string, roles: { name: string, views: string[] }[] }[]} */
  const titles = response?.ok ? (await response.json()).titles : [];
  const isSandbox = titles.length > 0;
  byId('role-field').hidden = !isSandbox;
  byId('subject-field').hidden = !isSandbox;
  /** @type {HTMLDetailsElement} */ (byId('own-token')).open = !isSandbox;
  byId('titles').replaceChildren(...titles.map(({ title }) => element('option', { value: title })));
  const offerRoles = () => {
    const chosen = titles.find(({ title }) => title === field.value) ?? titles[0];
    const roles = [...(chosen?.roles ?? [])].sort((a, b) => b.views.length - a.views.length);
    byId('roles').replaceChildren(
      ...roles.map(({ name }) => element('option', { value: name }, [name])),
    );
  };
  if (field.value === '') field.value = titles[0]?.title ?? '';
  field.addEventListener('input', offerRoles);
  offerRoles();
  if (!isSandbox) {
    byId('sign-in-text').textContent = 'Paste a token of your identity provider.';
  }
}

/** @param {(credentials: Credentials) => void | Promise<void>} onSignedIn */
export function bindSignInForm(onSignedIn) {
  const form = /** @type {HTMLFormElement} */ (byId('sign-in-form'));
  const problem = byId('sign-in-problem');
  const button = /** @type {HTMLButtonElement} */ (form.querySelector('button[type=submit]'));
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const fields = new FormData(form);
    const field = (/** @type {string} */ name) => String(fields.get(name) ?? '').trim();
    const title = field('title');
    const token = field('token');
    problem.hidden = true;
    button.disabled = true;
    try {
      await onSignedIn(
        token === ''
          ? await askSandbox({ title, role: field('role'), subject: field('subject') })
          : { title, token, subject: 'own token', role: null },
      );
    } catch (error) {
      showSignInProblem(error instanceof Error ? error.message : String(error));
    } finally {
      button.disabled = false;
    }
  });
}

/** @param {string} message */
export function showSignInProblem(message) {
  const problem = byId('sign-in-problem');
  problem.textContent = message;
  problem.hidden = false;
}

/** @param {boolean} expired */
export function showSignIn(expired) {
  byId('sign-in-problem').hidden = true;
  byId('sign-in-heading').textContent = expired ? 'Your sign-in has expired' : 'Watch it live';
  byId('sign-in-text').textContent = expired
    ? 'Tokens live for a short time only. Sign in again to go on watching.'
    : byId('sign-in-text').textContent;
}
