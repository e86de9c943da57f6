export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/**
 * The samples of a scrape. Throws for a line that is none, a sample without the type of its family
 * before it, a family that is told twice, and a series that is:
 * https://prometheus.io/docs/instrumenting/exposition_formats/
 */
export function parseMetrics(text: string): Sample[] {
  const families = new Set<string>();
  const series = new Set<string>();
  const samples: Sample[] = [];
  for (const line of text.split('\n')) {
    const [, family] = /^# TYPE (\w+) (?:counter|gauge|histogram|summary)$/.exec(line) ?? [];
    if (family !== undefined) {
      if (families.has(family)) throw new Error(`the family ${family} is told twice`);
      families.add(family);
    }
    if (line === '' || line.startsWith('#')) continue;
    const [, name, , labels = '', value] = /^(\w+)(\{(.*)\})? (\S+)$/.exec(line) ?? [];
    if (name === undefined || Number.isNaN(Number(value?.replace('Nan', '0')))) {
      throw new Error(`no sample: ${line}`);
    }
    if (!families.has(name) && !families.has(name.replace(/_(bucket|sum|count)$/, ''))) {
      throw new Error(`no type before: ${line}`);
    }
    const pairs = [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)];
    const id = `${name}{${pairs.map(([pair]) => pair).sort()}}`;
    if (series.has(id)) throw new Error(`the series ${id} is told twice`);
    series.add(id);
    samples.push({
      name,
      labels: Object.fromEntries(pairs.map(([, key, label]) => [key, label])),
      value: Number(value),
    });
  }
  return samples;
}
