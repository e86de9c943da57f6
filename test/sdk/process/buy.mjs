// Submits purchases as a process of its own: url, token and ids as arguments; prints the verdicts.
import { AshfallClient } from '../../../dist/examples/ashfall/tickloom.js';

const [url = '', token = '', ids = ''] = process.argv.slice(2);
const shop = new AshfallClient({ url, token });
const verdicts = await Promise.all(
  ids
    .split(',')
    .map((actionId) =>
      shop.transaction({ actionId, playerId: 1, kind: 'BUILD_MOBILE', unitIds: [] }, (purchase) =>
        purchase.playerProfile.adjust(
          { playerId: 1 },
          { rating: -1 },
          { require: { rating: { gte: 0 } } },
        ),
      ),
    ),
);
await shop.close();
process.stdout.write(JSON.stringify(verdicts));
