/**
 * Thrown, always the same object, at the first thing that a decoder does not take. It says nothing:
 * whoever catches it hands the same bytes to the general path, which says what is wrong with them.
 */
export const notTaken = new Error('this JSON is left to the general path');

/** What `read` answers, or null where it throws `notTaken`. */
export function taken<T>(read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    if (error === notTaken) return null;
    throw error;
  }
}
