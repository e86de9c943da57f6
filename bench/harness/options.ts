import { parseArgs } from 'node:util';

/** An option of a benchmark: its type follows from its default. */
export interface OptionSpec {
  readonly default: number | string | boolean;
  /** Used instead of the default under `--short`. */
  readonly short?: number | string | boolean;
  readonly help: string;
}

type Widened<T> = T extends number ? number : T extends boolean ? boolean : string;

export type OptionValues<Specs extends Readonly<Record<string, OptionSpec>>> = {
  readonly [Name in keyof Specs]: Widened<Specs[Name]['default']>;
};

/** Reads the command line; prints help and exits where it is asked for or the line is wrong. */
export function readOptions<const Specs extends Readonly<Record<string, OptionSpec>>>(
  claim: string,
  specs: Specs,
): OptionValues<Specs> {
  const options = Object.fromEntries(
    [...Object.entries(specs), ['short', shortSpec] as const, ['help', helpSpec] as const].map(
      ([name, spec]) => {
        const type = typeof spec.default === 'boolean' ? ('boolean' as const) : ('string' as const);
        return [flagOf(name), { type }];
      },
    ),
  );
  let given: Readonly<Record<string, unknown>>;
  try {
    given = parseArgs({ options, allowNegative: true, strict: true }).values;
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n\n${helpText(claim, specs)}`);
    process.exit(2);
  }
  if (given.help === true) {
    process.stdout.write(helpText(claim, specs));
    process.exit(0);
  }
  const isShort = given.short === true;
  const values = Object.entries(specs).map(([name, spec]) => {
    const byDefault = isShort ? (spec.short ?? spec.default) : spec.default;
    const text = given[flagOf(name)];
    if (text === undefined) return [name, byDefault];
    if (typeof spec.default !== 'number') return [name, text];
    const value = Number(text);
    if (!Number.isFinite(value) || value < 0) {
      process.stderr.write(`--${flagOf(name)} takes a number of at least 0\n`);
      process.exit(2);
    }
    return [name, value];
  });
  return Object.fromEntries(values) as OptionValues<Specs>;
}

const shortSpec: OptionSpec = { default: false, help: 'A run of seconds: proves that it works.' };
const helpSpec: OptionSpec = { default: false, help: 'This text.' };

function flagOf(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

function helpText(claim: string, specs: Readonly<Record<string, OptionSpec>>): string {
  const lines = Object.entries({ ...specs, short: shortSpec, help: helpSpec }).map(
    ([name, spec]) => {
      const short = spec.short === undefined ? '' : `; ${spec.short} with --short`;
      const value = typeof spec.default === 'boolean' ? '' : ` (${spec.default}${short})`;
      return `  --${flagOf(name).padEnd(20)} ${spec.help}${value}`;
    },
  );
  return `${claim}\n\n${lines.join('\n')}\n`;
}
