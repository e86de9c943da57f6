/**
 * A description as a member to spread: absent where there is none, so that a manifest without
 * descriptions has the bytes, and the hash, that it has without the member.
 */
export function describedAs(description: string | undefined): { readonly description?: string } {
  return description === undefined ? {} : { description };
}
