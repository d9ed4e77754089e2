import type { TestResult } from './result.ts';

/** What the reporter keeps of an event of node:test: one JSON line per finished test. */
export interface FinishedTest {
  readonly passed: boolean;
  readonly suite: boolean;
  readonly nesting: number;
  readonly name: string;
  readonly file: string;
  readonly line: number;
  readonly milliseconds: number;
  readonly skipped: boolean;
  /** node:test's own word for why: 'subtestsFailed' says nothing new. */
  readonly failureType?: string;
  readonly message?: string;
}

/** The results of a file: leaves only, since a test that holds tests passes and fails by them (node:test reports a child before its
 *  parent). A parent that fails by itself, in a hook or between its tests, counts. */
export function leaves(finished: readonly FinishedTest[], relative: (file: string) => string): TestResult[] {
  const children: number[] = [];
  const results: TestResult[] = [];
  for (const test of finished) {
    const held = children[test.nesting + 1] ?? 0;
    children[test.nesting + 1] = 0;
    children[test.nesting] = (children[test.nesting] ?? 0) + 1;
    // A suite that is skipped as a whole never says what it holds: it counts as one.
    const skippedWhole = test.suite && test.skipped && held === 0;
    if ((held > 0 || test.suite) && !skippedWhole && (test.passed || test.failureType === 'subtestsFailed')) continue;
    results.push({
      name: test.name,
      outcome: test.skipped ? 'skipped' : test.passed ? 'passed' : 'failed',
      seconds: test.milliseconds / 1000,
      place: `${relative(test.file)}:${test.line}`,
      ...(test.message === undefined ? {} : { message: test.message }),
    });
  }
  return results;
}
