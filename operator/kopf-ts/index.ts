/** Operators of Kubernetes in TypeScript: kopf's handlers over a level-triggered core. See README.md. */
export type { AnyObject, KubeObject, ObjectMeta, ObjectRef, OwnerReference } from './objects.ts';
export { adopt, controllerOf, keyOf, ownerReference, refOf } from './objects.ts';
export type { Resource, ResourceName } from './resource.ts';
export { apiVersionOf, configMaps, deployments, jobs, nameOf, namespaces, nodes, pods, resource, secrets, services } from './resource.ts';

export { Client } from './client.ts';
export type { ApplyOptions, CallOptions, ClientOptions, DeleteOptions, ListPage, Selection, WatchOptions } from './client.ts';
export type { WatchEvent } from './watch.ts';
export { connect, transportOf } from './connection.ts';
export type { ConnectOptions, CredentialSource, Credentials } from './connection.ts';
export { inCluster, inClusterNamespace } from './in-cluster.ts';
export type { HttpRequest, HttpResponse, Transport } from './transport.ts';
export type { RequestReport, WriteGuard } from './request.ts';
export { defaultRetries, noRetries } from './retry.ts';
export type { RetryPolicy } from './retry.ts';
export { ApiError, ConnectionError, NotLeaderError, isAlreadyExists, isConflict, isExpired, isForbidden, isInvalid, isNotFound } from './errors.ts';
export type { Status } from './errors.ts';

export { Reflector } from './reflector.ts';
export type { ReflectorOptions } from './reflector.ts';
export { Store } from './store.ts';
export type { IndexFunction, StoreChange, StoreView } from './store.ts';
export { Informer } from './informer.ts';
export type { InformerOptions, InformerView } from './informer.ts';
export { WorkQueue, priority } from './queue.ts';
export type { QueueObserver, QueueOptions } from './queue.ts';
export { Controller } from './controller.ts';
export type { Context, ControllerObserver, ControllerOptions, Reconcile, ReconcileOutcome, ReconcileResult } from './controller.ts';
export { Writer } from './writer.ts';
export { Operator } from './operator.ts';
export type { ControllerSpec, OperatorOptions } from './operator.ts';
export { runProcess } from './process.ts';
export { PermanentError, TemporaryError } from './handler-errors.ts';

export { LeaderLease, leases } from './lease.ts';
export type { Lease, LeaseOptions } from './lease.ts';
export { EventRecorder, events } from './events.ts';
export type { EventText } from './events.ts';
export { microTime } from './micro-time.ts';

export { Counter, Gauge, Histogram, Registry } from './metrics.ts';
export type { Labels } from './metrics.ts';
export { OperatorMetrics } from './operator-metrics.ts';
export { exportMetrics } from './otel-metrics.ts';
export { inSpan } from './tracing.ts';
export { createLogger, nullLogger } from './log.ts';
export type { Fields, LogLevel, LogOptions, Logger } from './log.ts';
export { serveProbes } from './http.ts';
export type { ProbeServer, Probes } from './http.ts';
export { Backoff, backoffDelay } from './backoff.ts';
export type { BackoffOptions } from './backoff.ts';
export { sleep, systemClock } from './clock.ts';
export type { Clock, Random } from './clock.ts';

export { Handlers, handlers } from './handlers.ts';
export type { Cause, CleanUpOptions, FieldCause, Handler, HandlerOptions, TimerOptions } from './handler-types.ts';
export { AsyncContextManager } from './async-context.ts';
