/** Events for people (events.k8s.io/v1): what has happened to an object, once; what happens again and again becomes one event with a count. */
import type { Client } from '../api/client.ts';
import type { Clock } from '../clock.ts';
import { isNotFound } from '../api/errors.ts';
import type { Logger } from '../observe/log.ts';
import { microTime } from './micro-time.ts';
import type { KubeObject } from '../api/objects.ts';
import { resource } from '../api/resource.ts';

export const events = resource('events.k8s.io/v1', 'Event', 'events');

export interface EventText {
  /** Default Normal. */
  readonly type?: 'Normal' | 'Warning';
  /** For machines, in CamelCase, at most 128 characters: "CheckpointWritten". */
  readonly reason: string;
  /** For people; what is beyond 1024 bytes is cut off. */
  readonly note: string;
  /** What was being done, in CamelCase. Default "Reconcile". */
  readonly action?: string;
}

interface Series {
  readonly namespace: string;
  readonly name: string;
  readonly manifest: KubeObject & Record<string, unknown>;
  count: number;
  written: number;
  lastSeen: string;
  lastAt: number;
}

/** Milliseconds between writes of the counts. */
const FLUSH = 30_000;
/** An event that did not repeat for so long is over; the next one is a new one. */
const OVER = 360_000;
/** Bounds of memory: series that are known, writes that wait. */
const MOST_SERIES = 2000;
const MOST_WAITING = 500;

export class EventRecorder {
  readonly #client: Client;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #controller: string;
  readonly #instance: string;
  readonly #series = new Map<string, Series>();
  #timer: (() => void) | undefined;
  #writes: Promise<void> = Promise.resolve();
  #waiting = 0;
  #order = 0;

  constructor({ client, log, controller, instance }: { client: Client; log: Logger; controller: string; instance: string }) {
    this.#client = client;
    this.#clock = client.clock;
    this.#log = log;
    this.#controller = controller;
    this.#instance = instance.slice(0, 128);
  }

  /** Never throws and waits for nothing: an event is a courtesy. */
  record(object: KubeObject, { type = 'Normal', reason, note, action = 'Reconcile' }: EventText): void {
    const id = JSON.stringify([object.metadata.uid, type, reason, action, note]);
    const now = this.#clock.now();
    const known = this.#series.get(id);
    if (known !== undefined) {
      known.count += 1;
      known.lastSeen = microTime(now);
      known.lastAt = this.#clock.monotonic();
      return;
    }
    const { apiVersion, kind, metadata: { name = '', namespace, uid, resourceVersion } } = object;
    const eventName = `${name.slice(0, 200)}.${Math.floor(now * 1000).toString(16)}${(this.#order++ % 4096).toString(16).padStart(3, '0')}`;
    const home = namespace ?? 'default';
    const manifest = {
      metadata: { namespace: home, name: eventName }, eventTime: microTime(now), reportingController: this.#controller, reportingInstance: this.#instance,
      action, reason, type, note: cut(note), regarding: { apiVersion, kind, name, namespace, uid, resourceVersion },
    };
    if (this.#series.size >= MOST_SERIES) this.#series.delete(this.#series.keys().next().value as string);
    this.#series.set(id, { namespace: home, name: eventName, manifest, count: 1, written: 1, lastSeen: microTime(now), lastAt: this.#clock.monotonic() });
    this.#timer ??= this.#clock.after(FLUSH, () => { this.#flush(); });
    this.#write(() => this.#client.create(events, manifest));
  }

  /** Events that are counted now: for tests of memory. */
  get remembered(): number {
    return this.#series.size;
  }

  /** Writes what is still to be written. */
  async close(): Promise<void> {
    this.#timer?.();
    this.#timer = undefined;
    for (const series of this.#series.values()) this.#writeCount(series);
    this.#series.clear();
    await this.#writes;
  }

  #flush(): void {
    for (const [id, series] of this.#series) {
      this.#writeCount(series);
      if (this.#clock.monotonic() - series.lastAt > OVER) this.#series.delete(id);
    }
    this.#timer = this.#series.size === 0 ? undefined : this.#clock.after(FLUSH, () => { this.#flush(); });
  }

  #writeCount(series: Series): void {
    if (series.count === series.written) return;
    series.written = series.count;
    const patch = { series: { count: series.count, lastObservedTime: series.lastSeen } };
    this.#write(async () => {
      try {
        await this.#client.merge(events, { namespace: series.namespace, name: series.name }, patch);
      } catch (error) {
        // The server forgets events after an hour.
        if (!isNotFound(error)) throw error;
        await this.#client.create(events, { ...series.manifest, ...patch });
      }
    });
  }

  /** One after the other, so that a storm of events does not keep real work from the server. */
  #write(send: () => Promise<unknown>): void {
    if (this.#waiting >= MOST_WAITING) {
      this.#log.warn('Too many events wait to be written: one is dropped');
      return;
    }
    this.#waiting += 1;
    this.#writes = this.#writes.then(send).then(() => undefined, (error: unknown) => { this.#log.debug('Cannot write an event', { error }); }).then(() => { this.#waiting -= 1; });
  }
}

function cut(note: string): string {
  if (Buffer.byteLength(note) <= 1024) return note;
  // Not within a character: cut bytes that make no whole one decode to U+FFFD.
  return `${Buffer.from(note).subarray(0, 1021).toString('utf8').replace(/\uFFFD+$/, '')}…`;
}
