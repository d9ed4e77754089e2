/** What an operator measures about itself, by the names that dashboards know from controller-runtime. */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { ControllerObserver } from '../control/controller.ts';
import type { Clock } from '../clock.ts';
import { Registry } from './metrics.ts';
import type { WorkQueue } from '../control/queue.ts';
import type { RequestReport } from '../api/request.ts';
import { nameOf } from '../api/resource.ts';
import type { ResourceName } from '../api/resource.ts';

const RECONCILE_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.25, 1.5, 1.75, 2, 2.5, 3, 3.5, 4, 4.5, 5, 6, 7, 8, 9, 10, 15, 20, 25, 30, 40, 50, 60];
const QUEUE_BUCKETS = [1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1, 10, 100, 1000];
const REQUEST_BUCKETS = [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60];

export class OperatorMetrics {
  readonly registry: Registry;
  readonly #clock: Clock;
  readonly #reconciles;
  readonly #errors;
  readonly #time;
  readonly #active;
  readonly #concurrency;
  readonly #depth;
  readonly #adds;
  readonly #retries;
  readonly #waited;
  readonly #worked;
  readonly #unfinished;
  readonly #longest;
  readonly #requests;
  readonly #latency;
  readonly #leader;
  readonly #reflector;

  constructor(clock: Clock, registry = new Registry()) {
    this.#clock = clock;
    this.registry = registry;
    this.#reconciles = registry.counter('controller_runtime_reconcile_total', 'Reconciliations by controller and result');
    this.#errors = registry.counter('controller_runtime_reconcile_errors_total', 'Reconciliations that failed, by controller');
    this.#time = registry.histogram('controller_runtime_reconcile_time_seconds', 'Duration of a reconciliation', RECONCILE_BUCKETS);
    this.#active = registry.gauge('controller_runtime_active_workers', 'Workers that are reconciling now');
    this.#concurrency = registry.gauge('controller_runtime_max_concurrent_reconciles', 'Workers that a controller has');
    this.#depth = registry.gauge('workqueue_depth', 'Keys that wait');
    this.#adds = registry.counter('workqueue_adds_total', 'Keys that were added');
    this.#retries = registry.counter('workqueue_retries_total', 'Keys that were added again after a failure');
    this.#waited = registry.histogram('workqueue_queue_duration_seconds', 'How long a key waited for a worker', QUEUE_BUCKETS);
    this.#worked = registry.histogram('workqueue_work_duration_seconds', 'How long a worker had a key', QUEUE_BUCKETS);
    this.#unfinished = registry.gauge('workqueue_unfinished_work_seconds', 'Work in progress, summed over the workers');
    this.#longest = registry.gauge('workqueue_longest_running_processor_seconds', 'The longest work in progress');
    this.#requests = registry.counter('rest_client_requests_total', 'Requests to the API server by code, method and host');
    this.#latency = registry.histogram('rest_client_request_duration_seconds', 'Time until the API server answered, by verb', REQUEST_BUCKETS);
    this.#leader = registry.gauge('leader_election_master_status', '1 while this process leads');
    this.#reflector = registry.counter('reflector_actions_total', 'Lists and watches that began, and errors, by resource');
    const delay = monitorEventLoopDelay({ resolution: 10 });
    delay.enable();
    registry.gauge('nodejs_eventloop_lag_p99_seconds', 'How late the event loop was, 99th percentile since the last scrape').read({}, () => {
      const value = Number.isNaN(delay.percentile(99)) ? 0 : Math.max(0, delay.percentile(99) / 1e9 - 0.01);
      delay.reset();
      return value;
    });
    registry.gauge('process_resident_memory_bytes', 'Resident memory').read({}, () => process.memoryUsage.rss());
    registry.gauge('process_start_time_seconds', 'Start of the process since 1970').read({}, () => Math.round(performance.timeOrigin / 1000));
    registry.gauge('process_cpu_seconds', 'Processor time of user and system').read({}, () => {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1e6;
    });
  }

  readonly request = ({ code, method, host, milliseconds }: RequestReport): void => {
    this.#requests.add({ code, host, method });
    this.#latency.observe({ host, verb: method }, milliseconds / 1000);
  };

  readonly reflector = (resource: ResourceName, what: 'list' | 'watch' | 'error'): void => {
    this.#reflector.add({ action: what, resource: nameOf(resource) });
  };

  leading(name: string, leads: boolean): void {
    this.#leader.set({ name }, leads ? 1 : 0);
  }

  /** What a controller of this name reports to. */
  controller(name: string, concurrency: number): ControllerObserver {
    const controller = { controller: name };
    const queue = { controller: name, name };
    this.#concurrency.set(controller, concurrency);
    this.#active.set(controller, 0);
    for (const result of ['success', 'error', 'requeue_after']) this.#reconciles.add({ controller: name, result }, 0);
    this.#errors.add(controller, 0);
    return {
      working: (change) => { this.#active.add(controller, change); },
      reconciled: (result, milliseconds) => {
        this.#reconciles.add({ controller: name, result });
        if (result === 'error') this.#errors.add(controller);
        this.#time.observe(controller, milliseconds / 1000);
      },
      queue: {
        added: () => { this.#adds.add(queue); },
        retried: () => { this.#retries.add(queue); },
        started: (waited) => { this.#waited.observe(queue, waited / 1000); },
        done: (worked) => { this.#worked.observe(queue, worked / 1000); },
      },
    };
  }

  /** Gauges of a queue, asked for at each scrape. */
  queue(name: string, queue: WorkQueue): void {
    const labels = { controller: name, name };
    const working = (): number[] => [...queue.workingSince].map((since) => (this.#clock.monotonic() - since) / 1000);
    this.#depth.read(labels, () => queue.depth);
    this.#unfinished.read(labels, () => working().reduce((sum, seconds) => sum + seconds, 0));
    this.#longest.read(labels, () => Math.max(0, ...working()));
  }
}
