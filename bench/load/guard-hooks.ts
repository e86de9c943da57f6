/**
 * How Node finds modules in the guarded server: whoever asks for one of the product's modules that
 * decide or record gets the benchmark's in its place, which alone gets the product's.
 */
const replaced: Readonly<Record<string, string>> = Object.fromEntries(
  ['authorise', 'audited'].map((name) => [
    new URL(`../../resolvers/${name}.js`, import.meta.url).href,
    new URL(`./switched-${name}.js`, import.meta.url).href,
  ]),
);

interface Resolved {
  readonly url: string;
}

export async function resolve(
  specifier: string,
  context: { readonly parentURL?: string },
  next: (specifier: string, context: object) => Promise<Resolved>,
): Promise<Resolved> {
  const resolved = await next(specifier, context);
  const replacement = replaced[resolved.url];
  if (replacement === undefined || context.parentURL === replacement) return resolved;
  return { ...resolved, url: replacement };
}
