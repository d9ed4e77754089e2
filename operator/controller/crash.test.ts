import { test } from 'node:test';
import { seriesCrashes, survives } from './testing/crash.ts';

test('killed between any two writes and started again, the operator loses nothing and doubles nothing: 12 seeds', () => survives(1, 12));

test('the same of evaluations of every checkpoint: 12 seeds', () => survives(1, 12, seriesCrashes));
