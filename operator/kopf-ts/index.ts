/** Operators of Kubernetes in TypeScript: kopf's handlers over a level-triggered core. See README.md. */
export type { AnyObject, KubeObject, ObjectMeta, ObjectRef, OwnerReference } from './api/objects.ts';
export { adopt, controllerOf, keyOf, ownerReference, refOf } from './api/objects.ts';
export type { Resource, ResourceName } from './api/resource.ts';
export { apiVersionOf, configMaps, deployments, jobs, nameOf, namespaces, nodes, pods, resource, secrets, services } from './api/resource.ts';

export { Client } from './api/client.ts';
export type { ApplyOptions, CallOptions, ClientOptions, DeleteOptions, ListPage, Selection, WatchOptions } from './api/client.ts';
export type { WatchEvent } from './api/watch.ts';
export { connect, transportOf } from './api/connection.ts';
export type { ConnectOptions, CredentialSource, Credentials } from './api/connection.ts';
export { inCluster, inClusterNamespace } from './api/in-cluster.ts';
export type { HttpRequest, HttpResponse, Transport } from './api/transport.ts';
export type { RequestReport, WriteGuard } from './api/request.ts';
export { list, message } from './wire/message.ts';
export type { Kind, Message } from './wire/message.ts';
export { defaultRetries, noRetries } from './api/retry.ts';
export type { RetryPolicy } from './api/retry.ts';
export { ApiError, ConnectionError, NotLeaderError, isAlreadyExists, isConflict, isExpired, isForbidden, isInvalid, isNotFound } from './api/errors.ts';
export type { Status } from './api/errors.ts';

export { Reflector } from './cache/reflector.ts';
export type { ReflectorOptions } from './cache/reflector.ts';
export { Store } from './cache/store.ts';
export type { IndexFunction, StoreChange, StoreView } from './cache/store.ts';
export { Informer } from './cache/informer.ts';
export type { InformerOptions, InformerView } from './cache/informer.ts';
export { WorkQueue, priority } from './control/queue.ts';
export type { QueueObserver, QueueOptions } from './control/queue.ts';
export { Controller } from './control/controller.ts';
export type { Context, ControllerObserver, ControllerOptions, Reconcile, ReconcileOutcome, ReconcileResult } from './control/controller.ts';
export { Writer } from './control/writer.ts';
export { Operator } from './process/operator.ts';
export type { ControllerSpec, OperatorOptions } from './process/operator.ts';
export { runProcess } from './process/process.ts';
export { PermanentError, TemporaryError } from './control/handler-errors.ts';

export { LeaderLease, leases } from './process/lease.ts';
export type { Lease, LeaseOptions } from './process/lease.ts';
export { EventRecorder, events } from './process/events.ts';
export type { EventText } from './process/events.ts';
export { microTime } from './process/micro-time.ts';

export { Counter, Gauge, Histogram, Registry } from './observe/metrics.ts';
export type { Labels } from './observe/metrics.ts';
export { OperatorMetrics } from './observe/operator-metrics.ts';
export { exportMetrics } from './observe/otel-metrics.ts';
export { inSpan } from './observe/tracing.ts';
export { createLogger, nullLogger } from './observe/log.ts';
export type { Fields, LogLevel, LogOptions, Logger } from './observe/log.ts';
export { serveProbes } from './process/http.ts';
export type { ProbeServer, Probes } from './process/http.ts';
export { Backoff, backoffDelay } from './backoff.ts';
export type { BackoffOptions } from './backoff.ts';
export { sleep, systemClock } from './clock.ts';
export type { Clock, Random } from './clock.ts';

export { Handlers, handlers } from './handlers/handlers.ts';
export type { Cause, CleanUpOptions, FieldCause, Handler, HandlerOptions, TimerOptions } from './handlers/handler-types.ts';
export { AsyncContextManager } from './observe/async-context.ts';
