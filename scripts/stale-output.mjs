// Removes from the built files those whose source is gone (`tsc -b` leaves them behind), so that a
// package holds what its sources say and nothing else. Runs before `npm pack`.
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

for (const place of [root, join(root, 'sdk')]) {
  const built = join(place, 'dist');
  for (const name of readdirSync(built, { recursive: true, encoding: 'utf8' })) {
    const source = /^(.*?)(?:\.d\.ts|\.js)(?:\.map)?$/.exec(name)?.[1];
    if (source === undefined || existsSync(join(place, `${source}.ts`))) continue;
    rmSync(join(built, name));
    console.error(`removed dist/${name}, whose source is gone`);
  }
}
