import { appendFile, mkdir } from 'node:fs/promises';
import { availableParallelism, cpus, loadavg, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { packageDirectory } from '../../src/package-directory.ts';

export interface Target {
  readonly name: string;
  readonly wanted: number;
  readonly unit: string;
  readonly better: 'higher' | 'lower';
}

export interface Experiment {
  readonly bench: string;
  readonly claim: string;
  readonly options: Readonly<Record<string, unknown>>;
  /** What is in the rows and how many there are. */
  readonly cardinality: string;
  readonly mix: string;
  readonly warmUp: string;
}

/** What a benchmark found: a table for people, one line of JSON in `bench/results/` for machines. */
export class Report {
  readonly #experiment: Experiment;
  readonly #loadAtStart = loadavg()[0] ?? 0;
  readonly #rows: Readonly<Record<string, unknown>>[] = [];
  readonly #targets: Readonly<Record<string, unknown>>[] = [];

  constructor(experiment: Experiment) {
    this.#experiment = experiment;
    console.log(`\n${experiment.bench}: ${experiment.claim}`);
    console.log(`${hardware().cpu} × ${hardware().cores}, Node ${process.version}`);
    console.log(`rows: ${experiment.cardinality}; mix: ${experiment.mix}`);
    console.log(`warm-up: ${experiment.warmUp}; machine load ${this.#loadAtStart.toFixed(2)}`);
  }

  row(row: Readonly<Record<string, unknown>>): void {
    this.#rows.push(row);
  }

  target(target: Target, measured: number): void {
    const reached =
      target.better === 'higher' ? measured >= target.wanted : measured <= target.wanted;
    this.#targets.push({ ...target, measured, reached });
  }

  async print(): Promise<void> {
    console.table(this.#rows.map(flat));
    if (this.#targets.length > 0) console.table(this.#targets);
    const directory = join(packageDirectory(), 'bench', 'results');
    await mkdir(directory, { recursive: true });
    const file = join(directory, `${this.#experiment.bench}.jsonl`);
    const line = {
      ...this.#experiment,
      at: new Date().toISOString(),
      hardware: hardware(),
      node: process.version,
      load: { start: this.#loadAtStart, end: loadavg()[0] ?? 0 },
      rows: this.#rows,
      targets: this.#targets,
    };
    await appendFile(file, `${JSON.stringify(line)}\n`);
    console.log(`added to bench/results/${this.#experiment.bench}.jsonl`);
  }
}

interface Hardware {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGigabytes: number;
  readonly system: string;
}

function hardware(): Hardware {
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    memoryGigabytes: Math.round(totalmem() / 2 ** 30),
    system: `${process.platform} ${process.arch} ${release()}`,
  };
}

/** One level deep, as a table shows it. */
function flat(row: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const cells: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(row)) {
    if (typeof value === 'object' && value !== null) {
      for (const [inner, of] of Object.entries(value)) cells[`${name} ${inner}`] = of;
    } else {
      cells[name] = value;
    }
  }
  return cells;
}

export function rounded(value: number, digits = 0): number {
  const scale = 10 ** digits;
  return Math.round(value * scale) / scale;
}
