/**
 * A request's W3C trace context (https://www.w3.org/TR/trace-context/, `traceparent`); null where it
 * has none, or one that is not valid, which the standard has ignored. What versions to come add
 * behind the four fields is kept.
 */
export function traceparentOf(header: unknown): string | null {
  if (typeof header !== 'string' || header.length > headerLengthMax) return null;
  const [, version, traceId, parentId, more] = form.exec(header) ?? [];
  if (version === undefined || version === 'ff') return null;
  if (version === '00' && more !== undefined) return null;
  return zeros.test(traceId ?? '') || zeros.test(parentId ?? '') ? null : header;
}

const form = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-[\x20-\x7e]*)?$/;
const zeros = /^0*$/;
const headerLengthMax = 512;
