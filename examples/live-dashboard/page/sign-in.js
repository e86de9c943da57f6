import { byId, element } from './element.js';
import { refusalOf } from './title-description.js';

/**
 * @typedef {object} Credentials
 * @property {string} title
 * @property {string | null} token  Null where this browser is signed in: its cookie goes along by itself.
 * @property {string} subject
 * @property {string | null} role  Null where the token was pasted: it cannot be asked for again.
 *
 * @typedef {object} Account  Whether and where people sign in with their browser, and who is.
 * @property {{ issuer: string } | null} signIn
 * @property {{ subject: string, titles: { title: string, roles: string[] }[] } | null} session
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

/** Who is signed in with this browser; asking renews the cookie. @returns {Promise<Account>} */
export async function askAccount() {
  const response = await fetch('/console/session').catch(() => null);
  return response?.ok ? await response.json() : { signIn: null, session: null };
}

/** Ends the sign-in, here and at the provider. Returns the page to go to for that. */
export async function endAccount() {
  const response = await fetch('/console/sign-out', { method: 'POST' }).catch(() => null);
  return response?.ok ? String((await response.json()).location) : '/console/';
}

/**
 * Credentials of a browser that is signed in, for its only title; null where there are several to
 * choose from, or none.
 *
 * @param {Account} account
 * @returns {Credentials | null}
 */
export function onlyTitle({ session }) {
  const [only, ...others] = session?.titles ?? [];
  if (!session || !only || others.length > 0) return null;
  return { title: only.title, token: null, subject: session.subject, role: only.roles[0] ?? null };
}

/**
 * Offers the sign-in at the provider, or to who is signed in his titles and roles. Returns whether
 * there is a provider.
 *
 * @param {Account} account
 */
export function offerAccount({ signIn, session }) {
  byId('provider-field').hidden = signIn === null || session !== null;
  byId('own-token').hidden = session !== null;
  if (signIn === null) return false;
  byId('provider').textContent = `Sign in at ${new URL(signIn.issuer).host}`;
  byId('submit').textContent = session ? 'Open' : 'Use the token';
  const showFields = () => {
    const isChoice = session !== null || ownToken().open;
    byId('title-field').hidden = !isChoice;
    byId('submit').hidden = !isChoice;
  };
  ownToken().ontoggle = showFields;
  showFields();
  byId('subject-field').hidden = true;
  byId('role-field').hidden = session === null;
  offerRolesOf(session?.titles ?? []);
  byId('sign-in-text').textContent = session
    ? session.titles.length > 0
      ? `You are ${session.subject}. Choose what to open.`
      : `You are ${session.subject}, who may open no title here. Ask whoever gives roles at the provider.`
    : 'Sign in with the account that your studio gave you.';
  return true;
}

function ownToken() {
  return /** @type {HTMLDetailsElement} */ (byId('own-token'));
}

/**
 * The roles of the title that is named, and of another one as soon as that is.
 *
 * @param {readonly { title: string, roles: readonly string[] }[]} titles
 */
function offerRolesOf(titles) {
  const field = /** @type {HTMLInputElement} */ (
    byId('sign-in-form').querySelector('[name=title]')
  );
  byId('titles').replaceChildren(...titles.map(({ title }) => element('option', { value: title })));
  const offer = () => {
    const chosen = titles.find(({ title }) => title === field.value) ?? titles[0];
    const roles = chosen?.roles ?? [];
    byId('roles').replaceChildren(
      ...roles.map((name) => element('option', { value: name }, [name])),
    );
  };
  if (field.value === '') field.value = titles[0]?.title ?? '';
  field.oninput = offer;
  offer();
}

/**
 * Offers the titles that the sandbox serves and the roles of the one that is named, those that see
 * most first. Without a sandbox there are no roles to choose: a token says its own.
 */
export async function offerTitles() {
  const response = await fetch('/sandbox/titles').catch(() => null);
  /** @type {readonly { title: string, roles: { name: string, views: string[] }[] }[]} */
  const titles = response?.ok ? (await response.json()).titles : [];
  const isSandbox = titles.length > 0;
  byId('role-field').hidden = !isSandbox;
  byId('subject-field').hidden = !isSandbox;
  ownToken().open = !isSandbox;
  offerRolesOf(
    titles.map(({ title, roles }) => ({
      title,
      roles: [...roles].sort((a, b) => b.views.length - a.views.length).map(({ name }) => name),
    })),
  );
  if (!isSandbox) {
    byId('sign-in-text').textContent = 'Paste a token of your identity provider.';
  }
}

/**
 * @param {(credentials: Credentials) => void | Promise<void>} onSignedIn
 * @param {() => Account} account
 */
export function bindSignInForm(onSignedIn, account) {
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
      const { session } = account();
      if (session) {
        const role = field('role') || null;
        await onSignedIn({ title, token: null, subject: session.subject, role });
      } else if (token !== '') {
        await onSignedIn({ title, token, subject: 'own token', role: null });
      } else {
        await onSignedIn(
          await askSandbox({ title, role: field('role'), subject: field('subject') }),
        );
      }
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
