import { ashfall } from '../../src/sandbox/ashfall.ts';

/** The reference title with players who may ask as much as they like: what holds then holds by itself. */
export const unlimitedAshfall = {
  ...ashfall,
  roles: ashfall.roles.map((role) => ({ ...role, limits: {} })),
};
