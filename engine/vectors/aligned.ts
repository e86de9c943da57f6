/** The next multiple of eight: where 64-bit numbers may begin, in memory and in Arrow's messages. */
export function aligned(bytes: number): number {
  return (bytes + 7) & ~7;
}
