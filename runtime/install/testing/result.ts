/** What one test came to, whatever its kind: a case of a test file, the type check, a fixture folder. */
export interface TestResult {
  readonly name: string;
  readonly outcome: 'passed' | 'failed' | 'skipped';
  readonly seconds: number;
  /** file:line where the test stands, or the file, or the command. */
  readonly place: string;
  /** Why it failed, as far as a person needs it to begin. */
  readonly message?: string;
}

export interface Counts { readonly passed: number; readonly failed: number; readonly skipped: number }

export function count(results: readonly TestResult[]): Counts {
  const of = (outcome: TestResult['outcome']): number => results.filter((result) => result.outcome === outcome).length;
  return { passed: of('passed'), failed: of('failed'), skipped: of('skipped') };
}

/** The one last line. */
export function lastLine({ passed, failed, skipped }: Counts): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}

/** Nothing tested is nothing known: no test at all is a failure too. */
export function exitCode({ passed, failed }: Counts): 0 | 1 {
  return failed > 0 || passed === 0 ? 1 : 0;
}
