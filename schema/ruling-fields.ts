import type { AccessDifference, Revocation } from '../engine/index.ts';
import { position } from '../resolvers/position.ts';
import {
  type AccessChanged,
  type AccessNow,
  accessNow,
  applyAccess,
  type RoleNow,
  revocations,
  revoke,
  revokedAt,
  roleDefined,
  roleName,
  unrevoke,
} from '../resolvers/rulings.ts';
import type { SchemaScope } from './scope.ts';

/** `access`, `applyAccess`, `revocations`, `revoke`, `unrevoke`. */
export function addRulingFields(scope: SchemaScope): void {
  addAccess(scope);
  addRevocations(scope);
}

function addAccess(scope: SchemaScope): void {
  const { builder } = scope;
  const role = builder.objectRef<RoleNow>('AccessRole').implement({
    description: 'A role in force.',
    fields: (t) => ({
      name: t.field({ type: 'String', description: 'Its name.', resolve: roleName }),
      isOfManifest: t.exposeBoolean('isOfManifest', {
        description: 'Whether it is as the manifest says; else it was changed while the title ran.',
      }),
      definition: t.field({
        type: 'JSON',
        description: 'What it may do, as a manifest states it; `applyAccess` takes it.',
        resolve: roleDefined,
      }),
    }),
  });
  const now = builder.objectRef<AccessNow>('Access').implement({
    description: 'Who may do what now.',
    fields: (t) => ({
      position: t.field({
        type: 'Position',
        description: 'Where it was changed last; `0:0`: never.',
        resolve: position,
      }),
      roles: t.expose('roles', { type: [role], description: 'The roles in force.' }),
    }),
  });
  const changed = addChangedType(scope);
  const input = addAccessInput(scope);
  builder.queryField('access', (t) =>
    t.field({
      type: now,
      description: 'The roles in force; for roles with the capability `roles`.',
      resolve: accessNow,
    }),
  );
  builder.mutationField('applyAccess', (t) =>
    t.field({
      type: changed,
      description:
        'Changes roles without a deploy, at one position; for roles with the capability `roles`. One role must keep that.',
      args: {
        input: t.arg({ type: input, required: true, description: 'The change.' }),
        dryRun: t.arg.boolean({ description: 'Tells what it would do, and does nothing.' }),
      },
      resolve: applyAccess,
    }),
  );
}

function addAccessInput({ builder }: SchemaScope) {
  return builder.inputType('AccessInput', {
    description: 'A change of roles; those that it does not name stay as they are.',
    fields: (t) => ({
      roles: t.field({
        type: 'JSON',
        description:
          'Roles by name, each whole, as in a manifest; such as `{ "scout": { "class": "OPERATOR" } }`.',
      }),
      remove: t.stringList({ description: 'Roles that there shall be no more.' }),
      follow: t.stringList({ description: 'Roles that shall be as the manifest says again.' }),
      expectedPosition: t.field({
        type: 'Position',
        description:
          'The position of `access` that it was decided by; `FENCED` where that is another by now.',
      }),
    }),
  });
}

function addChangedType({ builder }: SchemaScope) {
  const effect = builder.enumType('AccessEffect', {
    description: 'Whether a role may do more, less, or something else.',
    values: ['GAINS', 'LOSES', 'CHANGES'] as const,
  });
  const difference = builder.objectRef<AccessDifference>('AccessDifference').implement({
    description: 'One thing that a role may do otherwise.',
    fields: (t) => ({
      role: t.exposeString('role', { description: 'The role.' }),
      effect: t.expose('effect', { type: effect, description: 'In which way.' }),
      subject: t.exposeString('subject', {
        description:
          '`ROLE`, `CLASS`, `CAPABILITY`, `SESSIONS`, `VIEW`, `TABLE`, `ROWS`, `COLUMNS`, `LIMITS` or `AUDIT`.',
      }),
      name: t.exposeString('name', {
        nullable: true,
        description: 'The capability, view or table; null: the title as a whole.',
      }),
      right: t.exposeString('right', { nullable: true, description: 'The right on the table.' }),
      columns: t.exposeStringList('columns', { description: 'The columns; none: whole rows.' }),
      before: t.exposeString('before', {
        nullable: true,
        description: 'What was allowed, in words; null: nothing.',
      }),
      after: t.exposeString('after', {
        nullable: true,
        description: 'What is allowed, in words; null: nothing.',
      }),
    }),
  });
  return builder.objectRef<AccessChanged>('AccessChange').implement({
    description: 'What a change of access did, or would do.',
    fields: (t) => ({
      position: t.field({
        type: 'Position',
        description:
          'Where it holds from; where it was not applied, where access was changed last.',
        resolve: position,
      }),
      applied: t.exposeBoolean('applied', { description: 'Whether it is in force.' }),
      differences: t.expose('differences', {
        type: [difference],
        description: 'Who gains and loses what.',
      }),
    }),
  });
}

function addRevocations({ builder }: SchemaScope): void {
  const revoked = builder.objectRef<Revocation>('Revoked').implement({
    description: 'A subject whose tokens are good for nothing in this title.',
    fields: (t) => ({
      subject: t.exposeString('subject', { description: 'The subject.' }),
      from: t.field({
        type: 'DateTime',
        description: 'Tokens that were issued before are revoked.',
        resolve: revokedAt,
      }),
      by: t.exposeString('by', { description: 'Who revoked them.' }),
      reason: t.exposeString('reason', { nullable: true, description: 'Why, as it was given.' }),
    }),
  });
  builder.queryField('revocations', (t) =>
    t.field({
      type: [revoked],
      description: 'Subjects whose tokens are revoked; for roles with the capability `kill`.',
      resolve: revocations,
    }),
  );
  builder.mutationField('revoke', (t) =>
    t.field({
      type: revoked,
      description:
        'Revokes all tokens of a subject that were issued until now, and ends what runs by them; for roles with the capability `kill`.',
      args: {
        subject: t.arg.string({ required: true, description: 'The subject.' }),
        reason: t.arg.string({ description: 'Why; it is kept.' }),
      },
      resolve: revoke,
    }),
  );
  builder.mutationField('unrevoke', (t) =>
    t.boolean({
      description: 'Takes a revocation back; false where there is none.',
      args: { subject: t.arg.string({ required: true, description: 'The subject.' }) },
      resolve: unrevoke,
    }),
  );
}
