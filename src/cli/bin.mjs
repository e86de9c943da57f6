#!/usr/bin/env node
// What `npx tickloom` runs. It is not compiled, so that the command exists before the first build
// (npx links a command once and would remember that there was none).
import { existsSync } from 'node:fs';

const program = new URL('../../dist/src/cli/main.js', import.meta.url);
if (existsSync(program)) {
  await import(program.href);
} else {
  console.error('tickloom: not built yet; run "npm run build" first');
  process.exitCode = 1;
}
