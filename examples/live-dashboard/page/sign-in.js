import { byId } from './element.js';

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
    const query = new URLSearchParams({ title, role, subject });
    response = await fetch(`/sandbox/token?${query}`, { method: 'POST' });
  } catch {
    throw new Error('The server cannot be reached. Is it running?');
  }
  if (response.status === 404) {
    throw new Error('This server is no sandbox: it hands out no tokens. Paste one you have.');
  }
  if (!response.ok) throw new Error(`The sandbox gave no token (HTTP ${response.status}).`);
  return { title, role, subject, token: (await response.text()).trim() };
}

/** @param {(credentials: Credentials) => void} onSignedIn */
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
      onSignedIn(
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
  byId('sign-in-heading').textContent = expired ? 'Your sign-in has expired' : 'Watch matches live';
  byId('sign-in-text').textContent = expired
    ? 'Tokens live for a short time only. Sign in again to go on watching.'
    : 'This is a sandbox: it signs in whoever asks. Choose what you want to be.';
}
