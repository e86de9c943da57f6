/**
 * Thrown, always the same object, at the first thing that a decoder does not take. It says nothing:
 * whoever catches it hands the same bytes to the general path, which says what is wrong with them.
 */
export const notTaken = new Error('this JSON is left to the general path');
