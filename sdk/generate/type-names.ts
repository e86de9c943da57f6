/** Names that generated code uses from the SDK and from TypeScript itself. */
const usedNames = [
  'ActionInput',
  'ClientOptions',
  'ConflictCode',
  'Date',
  'EventEffects',
  'Export',
  'ExportOf',
  'ExportShape',
  'Json',
  'Pick',
  'Position',
  'Promise',
  'SqlExport',
  'StateEffects',
  'TickBuilder',
  'TitleClient',
  'TitleDescriptor',
  'Uint8Array',
  'Vec3',
];

const titleSuffixes = ['Action', 'ActionInput', 'Client', 'Effects', 'ExportSource', 'Tick'];

/**
 * The name of a type in generated code: its name in GraphQL, where names are unique, unless the code
 * uses that name for something else. `ConflictCode` is the one name that both have in common.
 */
export function typeNamer(titleName: string): (graphqlName: string) => string {
  const taken = new Set([...usedNames, ...titleSuffixes.map((suffix) => titleName + suffix)]);
  taken.delete('ConflictCode');
  return (graphqlName) => (taken.has(graphqlName) ? `${graphqlName}_` : graphqlName);
}
