import { test } from 'node:test';
import { survives } from './testing/crash.ts';

test('killed between any two writes and started again, the operator loses nothing and doubles nothing: 200 seeds', () => survives(1000, 200));
