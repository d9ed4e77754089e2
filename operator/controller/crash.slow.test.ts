import { test } from 'node:test';
import { seriesCrashes, survives } from './testing/crash.ts';

test('killed between any two writes and started again, the operator loses nothing and doubles nothing: 200 seeds', () => survives(1000, 200));

test('the same of evaluations of every checkpoint: 100 seeds', () => survives(2000, 100, seriesCrashes));
