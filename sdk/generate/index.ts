export { describeTitle, type GenerateOptions, generateSdk } from './generate-sdk.ts';
export type { ManifestJson } from './manifest-json.ts';
export { sdkOperations } from './sdk-operations.ts';
