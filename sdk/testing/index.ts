/** For tests of a studio's own, on Node: a server of its own title, started and stopped by a test. */

export { type Sandbox, type SandboxOptions, startSandbox, type TokenOptions } from './sandbox.ts';
