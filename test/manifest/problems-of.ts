import type { Problem } from '../../engine/manifest/problems.ts';
import { EngineError } from '../../engine/model/errors.ts';

/** What a refused manifest is refused for, as `place: message`; empty when it is accepted. */
export function problemsOf(validate: () => unknown): string[] {
  try {
    validate();
  } catch (error) {
    if (!(error instanceof EngineError) || error.code !== 'SCHEMA_MISMATCH') throw error;
    const problems = error.details.problems as readonly Problem[];
    return problems.map(({ place, message }) => `${place}: ${message}`);
  }
  return [];
}
