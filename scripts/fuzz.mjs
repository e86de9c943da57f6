// Gives the server inputs that nobody would send, for as long as it is told: see test/hardening/fuzz.
import { spawn } from 'node:child_process';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '300' },
    only: { type: 'string' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
    path: { type: 'string' },
    help: { type: 'boolean' },
  },
});
if (values.help) {
  console.log(`npm run fuzz [-- --seconds 300 --only "Arrow bodies" --seed 7 --path 12:3]

  --seconds  how long, all targets together
  --only     one target: documents, variables, conditions, cursors, "resumed subscriptions",
             "Arrow bodies", "JSON bodies", tokens, "export links", manifests, "control messages",
             "WebSocket messages"
  --seed     the same inputs again; printed by each run
  --path     one input, as a find tells it`);
  process.exit(0);
}
if (!(Number(values.seconds) > 0) || !Number.isInteger(Number(values.seed))) {
  console.error('--seconds must be a number above 0, --seed a whole number');
  process.exit(2);
}
const { TICKLOOM_FUZZ_ONLY: _only, TICKLOOM_FUZZ_PATH: _path, ...own } = process.env;
const child = spawn('npx', ['vitest', 'run', 'test/hardening/fuzz.test.ts', '--maxWorkers=1'], {
  stdio: 'inherit',
  env: {
    ...own,
    TICKLOOM_FUZZ_SECONDS: values.seconds,
    TICKLOOM_FUZZ_SEED: values.seed,
    ...(values.only === undefined ? {} : { TICKLOOM_FUZZ_ONLY: values.only }),
    ...(values.path === undefined ? {} : { TICKLOOM_FUZZ_PATH: values.path }),
  },
});
child.once('exit', (code) => process.exit(code ?? 1));
