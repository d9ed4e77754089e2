import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { runParity } from './index.ts';

// As `./srdit parity` runs them, with XLA; the others stand in parity.test.ts.
for (const name of ['model-tiny', 'model-tiny-p2', 'loss', 'sampler', 'ode', 'ring']) {
  test(`${name} passes`, async () => {
    const lines: string[] = [];
    const code = await runParity([fileURLToPath(new URL(`./fixtures/${name}`, import.meta.url))], { out: (line) => lines.push(line) });
    assert.equal(code, 0, lines.join('\n'));
  });
}
