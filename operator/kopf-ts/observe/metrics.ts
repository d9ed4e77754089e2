/** Counters, gauges and histograms in Prometheus' text format. Labels must come from small sets: never names of objects. */
export type Labels = Readonly<Record<string, string>>;

interface Metric {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  lines(): Iterable<string>;
}

const escaped = (value: string): string => value.replace(/\\/g, '\\\\').replace(/\n/g, '\\n').replace(/"/g, '\\"');

function labelled(name: string, labels: Labels): string {
  const pairs = Object.entries(labels).map(([label, value]) => `${label}="${escaped(value)}"`);
  return pairs.length === 0 ? name : `${name}{${pairs.join(',')}}`;
}

/** One value for each combination of labels. */
class Values {
  readonly #values = new Map<string, { readonly labels: Labels; value: number }>();

  of(labels: Labels): { value: number } {
    const id = JSON.stringify(labels);
    let entry = this.#values.get(id);
    if (entry === undefined) {
      entry = { labels, value: 0 };
      this.#values.set(id, entry);
    }
    return entry;
  }

  * lines(name: string): Iterable<string> {
    for (const { labels, value } of this.#values.values()) yield `${labelled(name, labels)} ${value}`;
  }

  all(): Iterable<{ readonly labels: Labels; readonly value: number }> {
    return this.#values.values();
  }
}

export class Counter implements Metric {
  readonly type = 'counter';
  readonly name: string;
  readonly help: string;
  readonly #values = new Values();

  constructor(name: string, help: string) {
    this.name = name;
    this.help = help;
  }

  add(labels: Labels = {}, by = 1): void {
    this.#values.of(labels).value += by;
  }

  get(labels: Labels = {}): number {
    return this.#values.of(labels).value;
  }

  all(): Iterable<{ readonly labels: Labels; readonly value: number }> {
    return this.#values.all();
  }

  lines(): Iterable<string> {
    return this.#values.lines(this.name);
  }
}

export class Gauge implements Metric {
  readonly type = 'gauge';
  readonly name: string;
  readonly help: string;
  readonly #values = new Values();
  readonly #readers: { readonly labels: Labels; readonly read: () => number }[] = [];

  constructor(name: string, help: string) {
    this.name = name;
    this.help = help;
  }

  set(labels: Labels, value: number): void {
    this.#values.of(labels).value = value;
  }

  add(labels: Labels, by: number): void {
    this.#values.of(labels).value += by;
  }

  /** The value is asked for when somebody wants to know it. */
  read(labels: Labels, read: () => number): void {
    this.#readers.push({ labels, read });
  }

  * all(): Iterable<{ readonly labels: Labels; readonly value: number }> {
    yield* this.#values.all();
    for (const { labels, read } of this.#readers) yield { labels, value: read() };
  }

  * lines(): Iterable<string> {
    for (const { labels, value } of this.all()) yield `${labelled(this.name, labels)} ${value}`;
  }
}

interface Series {
  readonly labels: Labels;
  readonly counts: number[];
  sum: number;
  count: number;
}

export class Histogram implements Metric {
  readonly type = 'histogram';
  readonly name: string;
  readonly help: string;
  /** Upper bounds, ascending. */
  readonly buckets: readonly number[];
  readonly #series = new Map<string, Series>();
  readonly #listeners: ((labels: Labels, value: number) => void)[] = [];

  constructor(name: string, help: string, buckets: readonly number[]) {
    this.name = name;
    this.help = help;
    this.buckets = buckets;
  }

  observe(labels: Labels, value: number): void {
    const id = JSON.stringify(labels);
    let series = this.#series.get(id);
    if (series === undefined) {
      series = { labels, counts: this.buckets.map(() => 0), sum: 0, count: 0 };
      this.#series.set(id, series);
    }
    const bucket = this.buckets.findIndex((bound) => value <= bound);
    if (bucket >= 0) (series.counts[bucket] as number) += 1;
    series.sum += value;
    series.count += 1;
    for (const listener of this.#listeners) listener(labels, value);
  }

  /** For what hands values on. */
  onObserve(listener: (labels: Labels, value: number) => void): void {
    this.#listeners.push(listener);
  }

  * lines(): Iterable<string> {
    for (const { labels, counts, sum, count } of this.#series.values()) {
      let below = 0;
      for (const [index, bound] of this.buckets.entries()) {
        below += counts[index] as number;
        yield `${labelled(`${this.name}_bucket`, { ...labels, le: String(bound) })} ${below}`;
      }
      yield `${labelled(`${this.name}_bucket`, { ...labels, le: '+Inf' })} ${count}`;
      yield `${labelled(`${this.name}_sum`, labels)} ${sum}`;
      yield `${labelled(`${this.name}_count`, labels)} ${count}`;
    }
  }
}

export class Registry {
  readonly metrics: (Counter | Gauge | Histogram)[] = [];

  counter(name: string, help: string): Counter {
    return this.#add(new Counter(name, help));
  }

  gauge(name: string, help: string): Gauge {
    return this.#add(new Gauge(name, help));
  }

  histogram(name: string, help: string, buckets: readonly number[]): Histogram {
    return this.#add(new Histogram(name, help, buckets));
  }

  /** The text that Prometheus scrapes (version 0.0.4). */
  text(): string {
    const lines: string[] = [];
    for (const metric of this.metrics) lines.push(`# HELP ${metric.name} ${metric.help.replace(/\\/g, '\\\\').replace(/\n/g, '\\n')}`, `# TYPE ${metric.name} ${metric.type}`, ...metric.lines());
    return `${lines.join('\n')}\n`;
  }

  #add<M extends Counter | Gauge | Histogram>(metric: M): M {
    if (this.metrics.some(({ name }) => name === metric.name)) throw new Error(`Cannot add metric "${metric.name}": there is one of this name. Choose another, or keep the first one`);
    this.metrics.push(metric);
    return metric;
  }
}
