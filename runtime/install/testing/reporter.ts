/** Reporter for node --test-reporter: a JSON line for each test that has finished (events.ts). */
import { inspect } from 'node:util';
import type { TestEvent } from 'node:test/reporters';
import type { FinishedTest } from './events.ts';

interface TestFailure { readonly failureType?: string; readonly cause?: unknown; readonly message?: string }

function message(failure: TestFailure): string {
  const cause = failure.cause;
  if (cause instanceof Error) return cause.stack ?? cause.message;
  return cause === undefined ? failure.message ?? 'failed without a word' : inspect(cause);
}

export default async function* report(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  for await (const event of events) {
    // What belongs to no test, an error after its end for example, is for whoever reads how the file ended.
    if (event.type === 'test:diagnostic' && /^(Error|Warning): /.test(event.data.message)) process.stderr.write(`${event.data.message}\n`);
    if (event.type !== 'test:pass' && event.type !== 'test:fail') continue;
    const { data } = event;
    const failure = event.type === 'test:fail' ? (event.data.details.error as TestFailure) : undefined;
    const finished: FinishedTest = {
      // A test marked as todo may fail.
      passed: failure === undefined || Boolean(data.todo),
      suite: data.details.type === 'suite',
      nesting: data.nesting,
      name: data.name,
      file: data.file ?? '',
      line: data.line ?? 0,
      milliseconds: data.details.duration_ms,
      skipped: Boolean(data.skip ?? false) || data.skip === '' || Boolean(data.todo),
      ...(failure === undefined ? {} : { message: message(failure), ...(failure.failureType === undefined ? {} : { failureType: failure.failureType }) }),
    };
    yield `${JSON.stringify(finished)}\n`;
  }
}
