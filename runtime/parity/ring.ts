import type { Fixture } from './fixture.ts';
import type { Runner } from './runner.ts';
export async function checkRing(_fixture: Fixture, _runner: Runner): Promise<void> {}
