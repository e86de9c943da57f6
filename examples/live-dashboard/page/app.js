import { Dashboard } from './dashboard.js';
import { byId, setText } from './element.js';
import { GraphqlSocket } from './graphql-socket.js';
import { views as matchViews } from './live-view.js';
import {
  askAccount,
  askSandbox,
  bindSignInForm,
  endAccount,
  offerAccount,
  offerTitles,
  onlyTitle,
  remember,
  rememberedCredentials,
  showSignIn,
  showSignInProblem,
} from './sign-in.js';
import { authority, describeTitle, Refused, titlePath } from './title-description.js';
import { ViewTables } from './view-tables.js';

/** @typedef {import('./sign-in.js').Credentials} Credentials */
/** @typedef {import('./graphql-socket.js').SocketState} SocketState */

/**
 * What is open: how its views are shown, the other way to show them (null: there is none), and the
 * credentials in use.
 *
 * @typedef {{ close(): void }} Shown
 * @type {{ socket: GraphqlSocket, shown: Shown, other: (() => Shown) | null, credentials: Credentials } | null}
 */
let open = null;
/** A token refused right after it was fetched is not fetched a third time. */
let renewedAtMs = 0;
const renewalsApartMs = 5_000;
/** @type {SocketState} */
let socketState = { kind: 'connecting' };

/** @type {import('./sign-in.js').Account} */
let account = { signIn: null, session: null };
const accountRenewalsApartMs = 5 * 60_000;

bindSignInForm(
  (credentials) => signIn(credentials),
  () => account,
);
byId('sign-out').addEventListener('click', () => void leave());
void begin();
setInterval(() => drawCountdown(), 500);
setInterval(() => void renewAccount(), accountRenewalsApartMs);

/** Goes on as whoever this tab or this browser is, and otherwise offers what there is to sign in by. */
async function begin() {
  const remembered = rememberedCredentials();
  account = await askAccount();
  if (!offerAccount(account)) await offerTitles();
  const known = remembered?.token === null && !account.session ? null : remembered;
  const credentials = known ?? onlyTitle(account);
  if (credentials) await signIn(credentials);
}

/** Out of the title, and out of the provider where this browser is signed in there. */
async function leave() {
  const isAccount = open?.credentials.token === null || account.session !== null;
  signOut('signed-out');
  if (isAccount) location.assign(await endAccount());
}

/** A browser stays signed in while its page is open. */
async function renewAccount() {
  if (open?.credentials.token !== null) return;
  account = await askAccount();
  if (account.session === null) accountOver();
}

function accountOver() {
  account = { ...account, session: null };
  signOut('expired');
  offerAccount(account);
}

/**
 * @param {Credentials} credentials
 * @returns {Promise<void>}
 */
async function signIn(credentials) {
  close();
  /** @type {import('./title-description.js').TitleDescription} */
  let described;
  try {
    described = await describeTitle(credentials);
  } catch (error) {
    return signInFailed(credentials, error);
  }
  remember(credentials);
  const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
  const url = `${scheme}://${location.host}${titlePath(credentials.title)}/graphql`;
  const socket = new GraphqlSocket(
    url,
    authority(credentials),
    (state) => void stateChanged(state),
  );
  const onProblem = (/** @type {string} */ message) => {
    signOut('signed-out');
    showSignInProblem(message);
  };
  const tables = () =>
    new ViewTables(socket, described.views, () => open?.credentials ?? credentials, onProblem);
  const matches = () => new Dashboard(socket, onProblem);
  open = drawsMatches(described.views)
    ? { socket, credentials, shown: matches(), other: tables }
    : { socket, credentials, shown: tables(), other: null };
  offerOther('Tables', matches);
  setText(byId('title-name'), described.title);
  setText(
    byId('subject'),
    credentials.role ? `${credentials.subject} (${credentials.role})` : credentials.subject,
  );
}

/**
 * A wrong title, a token that is none, one that has expired and one without a right are four things.
 *
 * @param {Credentials} credentials
 * @param {unknown} error
 * @returns {Promise<void>}
 */
async function signInFailed(credentials, error) {
  const { code, message } = error instanceof Refused ? error : { code: '', message: String(error) };
  const { role, token } = credentials;
  if (token === null && (code === 'TOKEN_EXPIRED' || code === 'UNAUTHENTICATED')) {
    return accountOver();
  }
  // Of a sandbox another one is to be had: what a reloaded tab remembers may be old.
  if (code === 'TOKEN_EXPIRED' && role !== null && Date.now() - renewedAtMs > renewalsApartMs) {
    renewedAtMs = Date.now();
    const renewed = await askSandbox({ ...credentials, role }).catch(() => null);
    if (renewed !== null) return signIn(renewed);
  }
  if (code === 'TOKEN_EXPIRED') {
    signOut('expired');
    showSignInProblem('This token has expired. Paste a new one.');
    return;
  }
  signOut('signed-out');
  const problems = new Map([
    ['UNKNOWN_TITLE', `There is no such title: ${message}.`],
    ['UNAUTHENTICATED', 'This is no token of an issuer that this server trusts.'],
    ['FORBIDDEN', 'This token gives no right to this title.'],
    ['UNREACHABLE', message],
  ]);
  showSignInProblem(problems.get(code) ?? `${message} (${code})`);
}

/** Whether a title has what the dashboard of matches draws. */
function drawsMatches(/** @type {readonly import('./live-view.js').ViewDefinition[]} */ views) {
  return Object.values(matchViews).every(({ name, columns }) => {
    const view = views.find((one) => one.name === name);
    return view !== undefined && columns.every((column) => view.columns.includes(column));
  });
}

/**
 * The button that shows the views the other way.
 *
 * @param {string} name
 * @param {() => Shown} current
 */
function offerOther(name, current) {
  const button = byId('switch');
  const other = open?.other ?? null;
  button.hidden = other === null;
  button.textContent = name;
  button.onclick = () => {
    if (!open || !other) return;
    open.shown.close();
    open.shown = other();
    open.other = current;
    offerOther(name === 'Tables' ? 'Matches' : 'Tables', other);
  };
}

/** @param {'signed-out' | 'expired'} state */
function signOut(state) {
  close();
  remember(null);
  document.body.dataset.state = state;
  showSignIn(state === 'expired');
  byId('banner').hidden = true;
  setText(byId('connection-text'), state === 'expired' ? 'Sign-in expired' : 'Signed out');
  byId('connection-dot').dataset.kind = state === 'expired' ? 'refused' : '';
  for (const id of ['position', 'staleness', 'title-name']) setText(byId(id), '');
}

function close() {
  open?.shown.close();
  open?.socket.close();
  open = null;
}

/** @param {SocketState} state */
async function stateChanged(state) {
  socketState = state;
  const names = {
    connecting: 'Connecting',
    live: 'Live',
    waiting: 'Disconnected',
    refused: 'Signing in again',
  };
  byId('connection-dot').dataset.kind = state.kind;
  setText(byId('connection-text'), names[state.kind]);
  drawCountdown();
  if (state.kind === 'refused') await renew(state.code);
}

/** The sandbox's tokens are renewed as they expire; another's cannot be. @param {string} code */
async function renew(code) {
  if (!open) return;
  const { credentials, socket } = open;
  const { role, token } = credentials;
  if (code === 'FORBIDDEN') {
    signOut('signed-out');
    showSignInProblem('This token gives no right to this title.');
    return;
  }
  if (token === null) {
    // The server renews what it keeps for this browser: another connection shows whether it could.
    if (Date.now() - renewedAtMs < renewalsApartMs) return accountOver();
    renewedAtMs = Date.now();
    return socket.renew(authority(credentials));
  }
  if (role === null || Date.now() - renewedAtMs < renewalsApartMs) return signOut('expired');
  renewedAtMs = Date.now();
  try {
    const renewed = await askSandbox({ ...credentials, role });
    if (open?.socket !== socket) return;
    open.credentials = renewed;
    remember(renewed);
    socket.renew(authority(renewed));
  } catch {
    if (open?.socket === socket) signOut('expired');
  }
}

function drawCountdown() {
  const banner = byId('banner');
  banner.hidden = !open || socketState.kind !== 'waiting';
  if (socketState.kind !== 'waiting') return;
  const seconds = Math.max(0, Math.ceil((socketState.retryAtMs - Date.now()) / 1000));
  setText(
    banner,
    `The connection is lost. What you see stands as of the position shown; trying again ${seconds > 0 ? `in ${seconds} s` : 'now'}, from there.`,
  );
}
