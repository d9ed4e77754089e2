/** An operator as a whole process: signals, exit codes, errors that nobody caught. */
import type { Logger } from '../observe/log.ts';

/** Runs until SIGTERM or SIGINT (a second one ends it at once) or until an error that nobody caught, and sets the exit code: 0 after a signal, 1 otherwise.
 *  The lease is released before the process ends in each of these cases but the second signal. */
export async function runProcess(operator: { readonly log: Logger; run(signal: AbortSignal): Promise<void> }): Promise<void> {
  const { log } = operator;
  const stop = new AbortController();
  const signalled = (signal: NodeJS.Signals): void => {
    if (stop.signal.aborted) {
      log.warn('Told to stop twice: ending at once', { signal });
      process.exit(1);
    }
    log.info('Told to stop', { signal });
    stop.abort(new Error(`Told to stop by ${signal}`));
  };
  const crashed = (error: unknown): void => {
    log.error('An error that nobody caught: stopping', { error });
    process.exitCode = 1;
    stop.abort(error);
  };
  process.on('SIGTERM', signalled).on('SIGINT', signalled).on('unhandledRejection', crashed).on('uncaughtException', crashed);
  try {
    await operator.run(stop.signal);
  } catch (error) {
    log.error('The operator ended', { error });
    process.exitCode = 1;
  } finally {
    process.off('SIGTERM', signalled).off('SIGINT', signalled).off('unhandledRejection', crashed).off('uncaughtException', crashed);
  }
}
