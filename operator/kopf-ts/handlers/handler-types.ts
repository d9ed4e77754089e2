/** How handlers look, and what can be asked of them. */
import type { Context } from '../control/controller.ts';
import type { RetryOptions } from './handler-attempts.ts';
import type { KubeObject } from '../api/objects.ts';

/** What a handler gets. */
export interface Cause<T extends KubeObject> extends Omit<Context<T>, 'object' | 'failures'> {
  /** A copy of the cached object now: the handler's own. */
  readonly object: T;
  /** The object when it was last handled, if this process has handled it. */
  readonly before: T | undefined;
  /** 0 at the first try. */
  readonly retry: number;
}

export type Handler<T extends KubeObject> = (cause: Cause<T>) => Promise<unknown>;

export interface HandlerOptions<T extends KubeObject> extends RetryOptions {
  /** Names the handler in logs. Default: its function's name. */
  readonly id?: string;
  /** Objects it is for. Default: all. */
  readonly when?: (object: T) => boolean;
}

export interface CleanUpOptions<T extends KubeObject> extends HandlerOptions<T> {
  /** With a finalizer ("rooms.example.dev/cleanup") the object stays until the handler is done. Without one the handler runs afterwards, and not at all if the
   *  operator is down meanwhile. Ask for one only when something outside of the cluster must be cleaned up. */
  readonly finalizer?: string;
  /** Milliseconds since the deletion after which the object is let go with a warning event, cleaned up or not. Default 10 minutes. */
  readonly giveUpAfter?: number;
}

export interface TimerOptions<T extends KubeObject> extends HandlerOptions<T> {
  /** Milliseconds between runs. */
  readonly every: number;
  /** Milliseconds from when the object is first seen to the first run. Default 0. */
  readonly initialDelay?: number;
  /** Runs only when the object has not changed for so many milliseconds. */
  readonly idle?: number;
}

export interface FieldCause<T extends KubeObject> extends Cause<T> {
  readonly was: unknown;
  readonly is: unknown;
}
