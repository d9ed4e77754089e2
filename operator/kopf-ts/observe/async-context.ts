/** OpenTelemetry's current context over AsyncLocalStorage, for processes that set up their tracing without an SDK that brings one:
 *  `context.setGlobalContextManager(new AsyncContextManager())`. Without a context manager spans have no parents. */
import { AsyncLocalStorage } from 'node:async_hooks';
import { ROOT_CONTEXT } from '@opentelemetry/api';
import type { Context, ContextManager } from '@opentelemetry/api';

export class AsyncContextManager implements ContextManager {
  readonly #storage = new AsyncLocalStorage<Context>();

  active(): Context {
    return this.#storage.getStore() ?? ROOT_CONTEXT;
  }

  with<A extends unknown[], F extends (...args: A) => ReturnType<F>>(context: Context, run: F, self?: ThisParameterType<F>, ...args: A): ReturnType<F> {
    return this.#storage.run(context, () => run.apply(self, args));
  }

  bind<T>(context: Context, target: T): T {
    if (typeof target !== 'function') return target;
    const bound = (...args: unknown[]): unknown => this.#storage.run(context, () => (target as (...args: unknown[]) => unknown)(...args));
    return bound as T;
  }

  enable(): this {
    return this;
  }

  disable(): this {
    this.#storage.disable();
    return this;
  }
}
