import { isIP } from 'node:net';

/**
 * Whether an address, or the name of one, is of this machine alone. A name that only begins like an
 * address (`127.0.0.1.example.com`) may be anybody's.
 */
export function isLoopback(address: string): boolean {
  if (address === 'localhost' || address === '::1') return true;
  return isIP(address) !== 0 && /^(::ffff:)?127\./.test(address);
}
