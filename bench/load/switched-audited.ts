import * as product from '../../resolvers/audited.ts';
import { on } from './guard-switches.ts';

/** `resolvers/audited.ts`, whose readers are not asked whether they are recorded where audit is off. */
export * from '../../resolvers/audited.ts';

export const auditedRead: typeof product.auditedRead = (action, table, rowsOf, resolve) => {
  const recorded = product.auditedRead(action, table, rowsOf, resolve);
  return (root, args, context, info) =>
    on.audit ? recorded(root, args, context, info) : resolve(root, args, context, info);
};
