// A parent to be killed: opens a store from the compiled engine and ships what it is sent.
import { openColumnStore } from '../../dist/engine/columns/open-column-store.js';
import { Catalog } from '../../dist/engine/model/catalog.js';

process.on('message', async ({ manifest, directory, ticks }) => {
  const store = await openColumnStore({
    catalog: new Catalog(manifest),
    target: 'embedded',
    directory,
    spoolDirectory: `${directory}/spool`,
  });
  process.send({ childPid: store.childPid });
  for (const changes of ticks) {
    store.offer(changes);
    store.advance(changes.lsn);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
});
