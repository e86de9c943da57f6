import type { EffectConflict, TickOutcome } from '../engine/index.ts';
import { position } from '../resolvers/position.ts';
import type { CommitTickArguments } from '../resolvers/tick-input.ts';
import {
  type ActionResult,
  actionResults,
  commitTick,
  committedTick,
  compareAndSet,
  conflictKey,
  type FirstVerdict,
  outcomeConflict,
  type RowWrite,
  repeatedActions,
  type Verdict,
  writeApplied,
  writeConflict,
  writePosition,
  writtenRow,
} from '../resolvers/ticks.ts';
import { addEffectInputs } from './effect-inputs.ts';
import type { RelationColumn } from './relation.ts';
import type { SchemaScope } from './scope.ts';
import type { TableTypes } from './table-types.ts';

/** `commitTick`, and `compareAndSet…` for each state table. */
export function addTickFields(scope: SchemaScope, tables: readonly TableTypes[]): void {
  const { builder, catalog } = scope;
  const { effect, compareAndSet: inputs } = addEffectInputs(scope, tables);
  const conflict = addConflictType(scope, tables);
  const input = addCommitTickInput(scope, tables, effect);
  const payload = addCommitTickPayload(scope, tables, conflict);
  builder.mutationField('commitTick', (t) =>
    t.field({
      type: payload,
      description:
        'Commits all actions of one simulation step, atomically, in order and durably. Repeating it with the same idempotency key changes nothing and answers `duplicate: true`.',
      args: { input: t.arg({ type: input, required: true, description: 'The tick.' }) },
      resolve: commitTick(catalog),
    }),
  );
  for (const types of tables) {
    const swap = inputs.get(types.relation.name);
    if (!swap) continue;
    const result = addWriteResult(scope, types, conflict);
    builder.mutationField(`compareAndSet${types.relation.typeName}`, (t) =>
      t.field({
        type: result,
        description: `Swaps one row of \`${types.table.name}\` if it has the expected version: a tick of its own, outside tick order, durable when it answers.`,
        args: { input: t.arg({ type: swap, required: true, description: 'The swap.' }) },
        resolve: compareAndSet(catalog, types.table),
      }),
    );
  }
}

type EffectInputRef = ReturnType<typeof addEffectInputs>['effect'];
type ConflictRef = ReturnType<typeof addConflictType>;

function addCommitTickInput(
  scope: SchemaScope,
  tables: readonly TableTypes[],
  effect: EffectInputRef,
) {
  const action = addActionInput(scope, tables, effect);
  const policy = scope.builder.enumType('ConflictPolicy', {
    description: 'What an action with a conflict does to its tick.',
    values: {
      REJECT_ACTION: {
        description: 'It is rejected alone, with all its effects; the tick goes on.',
      },
      ABORT_TICK: { description: 'Nothing of the tick is applied.' },
    },
  });
  const input = scope.builder.inputRef<CommitTickArguments>('CommitTickInput');
  scope.builder.inputType(input, {
    description: 'One simulation step of a session.',
    fields: (t) =>
      ({
        sessionId: t.id({ required: true, description: 'The session; it must be open.' }),
        tick: t.int({
          required: true,
          description: 'The number of the tick, from 0; higher than the last one of the session.',
        }),
        fence: t.int({
          description:
            'The fence `openSession` answered. With it, a tick of a simulator whose session was taken over is refused (`FENCED`).',
        }),
        idempotencyKey: t.string({
          description: 'Names this tick for repeats; session and tick where it is left out.',
        }),
        afterTick: t.int({
          description:
            'The tick that must be the last one before this, and has a lower number. An early arrival waits for it, so several ticks can be on their way at once.',
        }),
        onConflict: t.field({
          type: policy,
          defaultValue: 'REJECT_ACTION',
          description: 'What an action with a conflict does to the tick.',
        }),
        once: t.boolean({
          defaultValue: false,
          description:
            'Each action happens once: one whose `actionId` any tick with `once` has settled before does nothing, and answers its first verdict. How long ids are remembered is stated in the limits.',
        }),
        actions: t.field({
          type: [action],
          required: true,
          defaultValue: [],
          description: 'The actions, in order.',
        }),
        effects: t.field({
          type: [effect],
          required: true,
          defaultValue: [],
          description:
            'Effects of the tick itself, after all actions. A conflict here aborts the tick.',
        }),
      }) as never,
  });
  return input;
}

function addActionInput(scope: SchemaScope, tables: readonly TableTypes[], effect: EffectInputRef) {
  const columns = tables.find(({ table }) => table.kind === 'action')?.relation.declared ?? [];
  return scope.builder.inputType('ActionInput', {
    description: "One player's command: a row of the action table, and what it changes.",
    fields: (t) => ({
      actionId: t.id({
        required: true,
        description: 'The id you give it; it comes back with the verdict.',
      }),
      ...Object.fromEntries(
        columns.map((column) => [
          column.definition.name,
          t.field({
            type: scope.columns.inputOf(column),
            ...requirementOf(column),
            description: column.description,
          }),
        ]),
      ),
      effects: t.field({
        type: [effect],
        required: true,
        defaultValue: [],
        description: 'What the action changes, in order. All of it happens, or nothing.',
      }),
    }),
  });
}

/** A list may be left out: it is empty then. */
function requirementOf({ definition }: RelationColumn) {
  if (definition.optional) return {};
  return definition.list ? { defaultValue: [] } : { required: true as const };
}

function conflictCodeOf({ columns }: SchemaScope, tables: readonly TableTypes[]) {
  const code = tables
    .find(({ table }) => table.kind === 'action')
    ?.relation.columns.find(({ definition }) => definition.name === 'conflict');
  if (!code) throw new RangeError('an action table has the system column "conflict"');
  return columns.scalarOf(code);
}

function addConflictType(scope: SchemaScope, tables: readonly TableTypes[]) {
  const { builder } = scope;
  const writer = builder
    .objectRef<NonNullable<EffectConflict['lastWriter']>>('WriterRef')
    .implement({
      description: 'The commit that wrote a row last.',
      fields: (t) => ({
        position: t.field({
          type: 'Position',
          description: 'Its place in the log.',
          resolve: position,
        }),
        tick: t.exposeInt('tick', {
          nullable: true,
          description: 'Its tick; null for a write outside tick order.',
        }),
        actionId: t.exposeID('actionId', {
          nullable: true,
          description:
            'The action of the tick; null for an effect of the tick itself, and where the id is no longer known: of ticks long ago, or before the last start of the server.',
        }),
      }),
    });
  return builder.objectRef<EffectConflict>('Conflict').implement({
    description:
      'Why an action was rejected: its first effect that did not hold. The same input on the same rows gives the same conflict.',
    fields: (t) => ({
      code: t.expose('code', {
        type: conflictCodeOf(scope, tables),
        description: 'What did not hold.',
      }),
      effect: t.exposeInt('effect', {
        description:
          'Index of the effect within its action, or among the effects of the tick itself.',
      }),
      table: t.exposeString('table', { description: 'The table of the row.' }),
      key: t.field({
        type: 'JSON',
        description: 'The whole key of the row, by column.',
        resolve: conflictKey,
      }),
      expectedVersion: t.exposeInt('expectedVersion', {
        nullable: true,
        description: 'The version the effect named.',
      }),
      actualVersion: t.exposeInt('actualVersion', {
        nullable: true,
        description: 'The version the row had; null where there was none.',
      }),
      lastWriter: t.expose('lastWriter', {
        type: writer,
        nullable: true,
        description: 'Who wrote the row last, where it is known.',
      }),
      message: t.exposeString('message', { description: 'The same in words.' }),
    }),
  });
}

function addCommitTickPayload(
  scope: SchemaScope,
  tables: readonly TableTypes[],
  conflict: ConflictRef,
) {
  const { builder } = scope;
  const conflictCode = conflictCodeOf(scope, tables);
  const verdict = builder.enumType('Verdict', {
    description: 'What became of an action.',
    values: {
      ACCEPTED: {
        description: 'All its effects hold. They were applied, unless the tick was aborted.',
      },
      REJECTED: { description: 'None of its effects holds; its conflict says why.' },
    } satisfies Record<Verdict, unknown>,
  });
  const firstVerdict = builder.objectRef<FirstVerdict>('FirstVerdict').implement({
    description: 'What an action that happens once was answered when it was settled.',
    fields: (t) => ({
      position: t.field({
        type: 'Position',
        description: 'The place in the log of the tick that settled it.',
        resolve: position,
      }),
      conflict: t.expose('conflict', {
        type: conflictCode,
        nullable: true,
        description: 'What it was rejected for; null when it was accepted.',
      }),
      sameContent: t.exposeBoolean('sameContent', {
        description:
          'Whether it came with the same content now. If not, the id was used for something else: IDEMPOTENCY_MISMATCH.',
      }),
    }),
  });
  const result = builder.objectRef<ActionResult>('ActionResult').implement({
    description: 'What became of one action.',
    fields: (t) => ({
      index: t.exposeInt('index', { description: 'Its place in `actions`.' }),
      actionId: t.exposeID('actionId', { description: 'The id it came with.' }),
      verdict: t.expose('verdict', { type: verdict, description: 'Accepted or rejected.' }),
      conflict: t.expose('conflict', {
        type: conflict,
        nullable: true,
        description:
          'Why it was rejected; null when it was accepted, and when it was settled before.',
      }),
      first: t.expose('first', {
        type: firstVerdict,
        nullable: true,
        description:
          'What it was answered first, where another tick has settled it before (`once`): here it did nothing.',
      }),
    }),
  });
  return builder.objectRef<TickOutcome>('CommitTickPayload').implement({
    description: 'What became of a tick. It is durable.',
    fields: (t) => ({
      position: t.field({
        type: 'Position',
        description: 'Its place in the log. Reads from here on see the tick.',
        resolve: position,
      }),
      sessionId: t.exposeID('sessionId', { description: 'The session.' }),
      tick: t.int({ description: 'The tick.', resolve: committedTick }),
      duplicate: t.exposeBoolean('duplicate', {
        description: 'It had been committed before; this is what was answered then.',
      }),
      accepted: t.exposeInt('accepted', {
        description: 'Number of accepted actions; 0 of an aborted tick.',
      }),
      rejected: t.exposeInt('rejected', { description: 'Number of actions with a conflict.' }),
      repeated: t.int({
        description: 'Number of actions that another tick has settled before (`once`).',
        resolve: repeatedActions,
      }),
      aborted: t.exposeBoolean('aborted', {
        description: 'Nothing of the tick was applied; `conflict` or `results` say why.',
      }),
      stateHash: t.exposeString('stateHash', {
        description:
          "Hash of the session's rows after this tick, chained to the tick before. Equal hashes mean equal histories.",
      }),
      conflict: t.field({
        type: conflict,
        nullable: true,
        description: "The conflict of the tick's own effects, where that aborted it.",
        resolve: outcomeConflict,
      }),
      results: t.field({
        type: [result],
        description:
          'What became of each action, in order. Of an aborted tick: what each came to by itself, though nothing was applied.',
        args: { only: t.arg({ type: verdict, description: 'Only actions with this verdict.' }) },
        resolve: actionResults,
      }),
    }),
  });
}

function addWriteResult(
  { builder }: SchemaScope,
  { table, relation, row }: TableTypes,
  conflict: ConflictRef,
) {
  return builder.objectRef<RowWrite>(`${relation.typeName}WriteResult`).implement({
    description: `What became of a direct write to \`${table.name}\`. It is durable.`,
    fields: (t) => ({
      applied: t.boolean({
        description: 'Whether the row was changed.',
        resolve: writeApplied,
      }),
      position: t.field({
        type: 'Position',
        description: 'Its place in the log. Reads from here on see it.',
        resolve: writePosition,
      }),
      row: t.field({
        type: row,
        nullable: true,
        description:
          'The row as it is now, changed or not; null where there is none, or the role may not read it.',
        resolve: writtenRow,
      }),
      conflict: t.field({
        type: conflict,
        nullable: true,
        description: 'Why the row was not changed.',
        resolve: writeConflict,
      }),
    }),
  });
}
