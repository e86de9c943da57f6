import { Agent, request } from 'node:http';
import { Samples } from '../harness/samples.ts';
import { BankClient } from './bank.ts';
import { picks, Random } from './random.ts';
import type {
  FromTransfers,
  ToTransfers,
  TransferConfig,
  TransferResult,
} from './transfer-config.ts';

/** Makes one transfer; whether it was accepted. */
type MakeTransfer = (id: string, fromId: number, toId: number, amount: number) => Promise<boolean>;

const insertRows = 10_000;

function bankOf({ target }: TransferConfig): BankClient[] {
  if (target.kind !== 'sdk') throw new RangeError('the load goes through no SDK');
  const { url, token, clients } = target;
  return Array.from({ length: clients }, () => new BankClient({ url, token }));
}

async function open(config: TransferConfig, balance: number): Promise<void> {
  const [bank] = bankOf(config);
  const session = await bank?.openSession('opening');
  for (let from = 0; from < config.accounts; from += insertRows) {
    await session?.commit(1 + from / insertRows, (tick) => {
      const end = Math.min(from + insertRows, config.accounts);
      for (let accountId = from; accountId < end; accountId++) {
        tick.account.insert({ accountId, balance: BigInt(balance) });
      }
    });
  }
  await session?.close();
}

function bySdk(banks: readonly BankClient[]): MakeTransfer[] {
  return banks.map((bank) => async (actionId, fromId, toId, amount) => {
    const { accepted } = await bank.transaction({ actionId, fromId, toId, amount }, (action) =>
      action.account
        .adjust({ accountId: fromId }, { balance: BigInt(-amount) }, notNegative)
        .account.adjust({ accountId: toId }, { balance: BigInt(amount) }),
    );
    return accepted;
  });
}

const notNegative = { require: { balance: { gte: 0n } } };

function byWeb(port: number, clients: number): MakeTransfer {
  const agent = new Agent({ keepAlive: true, maxSockets: clients });
  return (_id, fromId, toId, amount) =>
    new Promise((resolve, reject) => {
      const body = JSON.stringify({ fromId, toId, amount });
      const sent = request({ port, host: '127.0.0.1', method: 'POST', agent }, (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          text += chunk;
        });
        response.on('end', () => {
          if (response.statusCode === 200) resolve(JSON.parse(text).accepted as boolean);
          else reject(new Error(text));
        });
      });
      sent.on('error', reject);
      sent.end(body);
    });
}

const pickCount = 1 << 18;

async function run(config: TransferConfig): Promise<TransferResult> {
  const { accounts, clients, exponent, name, seconds, target, warmUp, window } = config;
  // Who gives often gets often: no account runs dry, which would make transfers cheap.
  const picked = picks(accounts, exponent, 2 * pickCount, new Random(7));
  const banks = target.kind === 'sdk' ? bankOf(config) : [];
  const ways = target.kind === 'sdk' ? bySdk(banks) : [byWeb(target.port, clients)];
  const samples = new Samples();
  let rejected = 0;
  let next = 0;
  const startedMs = performance.now();
  const fromMs = startedMs + warmUp * 1000;
  const untilMs = fromMs + seconds * 1000;
  let cpu = process.cpuUsage();
  const afterWarmUp = setTimeout(() => {
    cpu = process.cpuUsage();
  }, warmUp * 1000);
  const transferInTurn = async (make: MakeTransfer) => {
    for (;;) {
      const beganMs = performance.now();
      if (beganMs >= untilMs) return;
      const at = next++;
      const fromId = picked[2 * (at % pickCount)] as number;
      const other = picked[2 * (at % pickCount) + 1] as number;
      const toId = other === fromId ? (other + 1) % accounts : other;
      const accepted = await make(`${name}-${at}`, fromId, toId, 1 + (at % 9));
      const endedMs = performance.now();
      if (endedMs < fromMs || endedMs >= untilMs) continue;
      samples.add(endedMs - beganMs);
      if (!accepted) rejected += 1;
    }
  };
  await Promise.all(
    Array.from({ length: clients * window }, (_, i) =>
      transferInTurn(ways[i % ways.length] as MakeTransfer),
    ),
  );
  clearTimeout(afterWarmUp);
  const used = process.cpuUsage(cpu);
  await Promise.all(banks.map((bank) => bank.close()));
  const latenciesMs = samples.values();
  return {
    transfers: latenciesMs.length,
    rejected,
    seconds,
    latenciesMs,
    cpuSeconds: (used.user + used.system) / 1e6,
  };
}

async function answer(message: ToTransfers): Promise<FromTransfers> {
  if (message.kind === 'run') return { kind: 'result', result: await run(message.config) };
  await open(message.config, message.balance);
  return { kind: 'opened' };
}

process.on('message', (message: ToTransfers) => {
  answer(message)
    .catch((error: unknown): FromTransfers => ({ kind: 'failed', message: String(error) }))
    .then((answered) => process.send?.(answered));
});
process.on('disconnect', () => process.exit());
