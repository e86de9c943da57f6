import { Dashboard } from './dashboard.js';
import { byId, setText } from './element.js';
import { GraphqlSocket } from './graphql-socket.js';
import {
  askSandbox,
  bindSignInForm,
  remember,
  rememberedCredentials,
  showSignIn,
  showSignInProblem,
} from './sign-in.js';

/** @typedef {import('./sign-in.js').Credentials} Credentials */
/** @typedef {import('./graphql-socket.js').SocketState} SocketState */

/** @type {{ socket: GraphqlSocket, dashboard: Dashboard, credentials: Credentials } | null} */
let open = null;
/** A token refused right after it was fetched is not fetched a third time. */
let renewedAtMs = 0;
const renewalsApartMs = 5_000;
/** @type {SocketState} */
let socketState = { kind: 'connecting' };

bindSignInForm((credentials) => signIn(credentials));
byId('sign-out').addEventListener('click', () => signOut('signed-out'));
const remembered = rememberedCredentials();
if (remembered) signIn(remembered);
setInterval(() => drawCountdown(), 500);

/** @param {Credentials} credentials */
function signIn(credentials) {
  close();
  remember(credentials);
  const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
  const url = `${scheme}://${location.host}/${encodeURIComponent(credentials.title)}/graphql`;
  const socket = new GraphqlSocket(url, credentials.token, (state) => void stateChanged(state));
  const dashboard = new Dashboard(socket, (message) => {
    signOut('signed-out');
    showSignInProblem(message);
  });
  open = { socket, dashboard, credentials };
  setText(byId('title-name'), credentials.title);
  setText(
    byId('subject'),
    credentials.role ? `${credentials.subject} (${credentials.role})` : credentials.subject,
  );
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
  open?.dashboard.close();
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
  const { role } = credentials;
  if (code === 'FORBIDDEN') {
    signOut('signed-out');
    showSignInProblem('This token gives no right to this title.');
    return;
  }
  if (role === null || Date.now() - renewedAtMs < renewalsApartMs) return signOut('expired');
  renewedAtMs = Date.now();
  try {
    const renewed = await askSandbox({ ...credentials, role });
    if (open?.socket !== socket) return;
    remember(renewed);
    socket.renew(renewed.token);
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
