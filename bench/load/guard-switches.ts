import type { Principal } from '../../resolvers/context.ts';
import { type Guard, guards } from './guard-config.ts';

/** Which guards of this process do their work; the others answer at once. */
export const on: Record<Guard, boolean> = {
  verification: true,
  permission: true,
  quota: true,
  audit: true,
};

/** What a guard that is off answers with: what it found when it was last asked. */
export const found: {
  principal: Principal | null;
} = { principal: null };

export function guardBy(chosen: readonly Guard[]): void {
  for (const guard of guards) on[guard] = chosen.includes(guard);
  found.principal = null;
}
