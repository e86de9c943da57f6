// Title "bank", version 1, manifest ccdcc071f07ba769.
// Generated; change the manifest instead and run: tickloom generate sdk --url <server> --out <file>

import {
  type ActionInput,
  type ClientOptions,
  type ConflictCode,
  type Export,
  type ExportOf,
  type ExportShape,
  type Position,
  type SqlExport,
  type StateEffects,
  type TickBuilder,
  TitleClient,
  type TitleDescriptor,
} from '@tickloom/sdk';

/** `transfer`: an action with its verdict. */
export interface Transfer {
  readonly sessionId: string;
  readonly tick: number;
  readonly seq: number;
  readonly position: Position;
  readonly committedAt: Date;
  readonly actionId: string;
  readonly accepted: boolean;
  readonly conflict: ConflictCode | null;
  readonly fromId: number;
  readonly toId: number;
  readonly amount: number;
}

/** `account`: a live row. */
export interface Account {
  readonly accountId: number;
  readonly balance: bigint;
  readonly version: number;
  readonly position: Position;
  readonly committedAt: Date;
}
export type AccountKey = Pick<Account, 'accountId'>;

/** Effects by table; each returns what it was added to. */
export interface BankEffects<Self> {
  readonly account: StateEffects<Self, Account, keyof AccountKey>;
}
/** One action of a tick: accepted with all its effects, or rejected. */
export interface BankAction extends BankEffects<BankAction> {}
/** A tick under construction. */
export interface BankTick extends TickBuilder<Transfer, BankAction>, BankEffects<BankTick> {}
export type BankActionInput = ActionInput<Transfer>;

/** What an export may draw from. */
export type BankExportSource =
  | ExportOf<'transfer', Transfer>
  | ExportOf<'account', Account>
  | SqlExport;

export class BankClient extends TitleClient<BankTick> {
  readonly transfer = this.historyTable<Transfer, 'tick' | 'seq' | 'fromId' | 'toId' | 'amount'>(
    'transfer',
  );
  readonly account = this.stateTable<
    Account,
    keyof AccountKey,
    'accountId' | 'balance' | 'version'
  >('account');

  constructor(options: ClientOptions) {
    super(title, options);
  }

  /** A signed link to rows as of one position; opens as an Arrow table or stream. */
  createExport(request: BankExportSource & ExportShape): Promise<Export> {
    return this.createExportOf(request);
  }
}

/** Names and kinds, for the runtime. */
const title: TitleDescriptor = {
  title: 'bank',
  version: 1,
  tables: {
    transfer: {
      as: 'Transfer',
      kind: 'action',
      columns: {
        sessionId: 'string',
        tick: 'u32',
        seq: 'u32',
        position: 'string',
        committedAt: 'timestamp',
        actionId: 'string',
        accepted: 'bool',
        conflict: 'enum?',
        fromId: 'u32',
        toId: 'u32',
        amount: 'i32',
      },
    },
    account: {
      as: 'Account',
      kind: 'state',
      key: ['accountId'],
      columns: {
        accountId: 'u32',
        balance: 'i64',
        version: 'u32',
        position: 'string',
        committedAt: 'timestamp',
      },
    },
  },
  views: {},
};
