import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Slots } from '../../src/http/slots.ts';

it('slots hold what was added and not removed, and are used again', () => {
  fc.assert(
    fc.property(fc.array(fc.option(fc.nat(), { nil: null }), { maxLength: 200 }), (steps) => {
      const slots = new Slots<number>();
      const held = new Map<number, number>();
      let most = 0;
      steps.forEach((removed, value) => {
        if (removed === null || held.size === 0) {
          held.set(slots.add(value), value);
          most = Math.max(most, held.size);
          return;
        }
        const slot = [...held.keys()][removed % held.size] as number;
        slots.remove(slot);
        held.delete(slot);
      });
      expect(slots.values().sort()).toEqual([...held.values()].sort());
      expect(Math.max(-1, ...held.keys())).toBeLessThan(Math.max(most, 1));
    }),
  );
});
