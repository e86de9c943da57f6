import { exportOperations } from './export.ts';
import { listOperation } from './row-list.ts';
import { sessionOperations } from './session.ts';
import { rowOperation, swapOperation } from './state-table.ts';
import { subscriptionDocument } from './subscription.ts';
import { Title, type TitleDescriptor } from './title.ts';
import { askOperation } from './transport.ts';
import { viewOperation } from './view.ts';

/**
 * The documents that a client of the title sends, but those of which the caller chooses what is
 * selected: groups with their aggregates, lists with `columns`, and what is asked through `graphql`.
 */
export function operationDocuments(descriptor: TitleDescriptor): string[] {
  const title = new Title(descriptor);
  const tables = Object.entries(descriptor.tables).flatMap(([name, { kind }]) => {
    const list = listOperation(title, name);
    if (kind !== 'state') return [list];
    return [
      list,
      rowOperation(title, name),
      swapOperation(title, name),
      subscriptionDocument(title, name),
    ];
  });
  const views = Object.keys(descriptor.views).flatMap((name) => [
    viewOperation(title, name),
    subscriptionDocument(title, name),
  ]);
  const operations = [askOperation, ...sessionOperations, ...exportOperations, ...tables, ...views];
  return operations.map(({ document }) => document);
}
