import assert from 'node:assert/strict';
import { test } from 'node:test';
import { oneGpu, readEnvironment } from './environment.ts';

const gpus: Record<string, { given: string | undefined; ranks: number; want: (string | undefined)[] }> = {
  'a rank alone takes what the pod has': { given: undefined, ranks: 1, want: [undefined] },
  'ranks of a pod take one each': { given: undefined, ranks: 3, want: ['0', '1', '2'] },
  'a list that was given is shared out': { given: '4,GPU-ab', ranks: 2, want: ['4', 'GPU-ab'] },
  'a rank beyond the list sees none': { given: '4', ranks: 2, want: ['4', '-1'] },
};
for (const [name, { given, ranks, want }] of Object.entries(gpus)) {
  test(`GPUs: ${name}`, () => {
    const variables = { CUDA_VISIBLE_DEVICES: given };
    assert.deepEqual(want.map((_, local) => oneGpu(variables, local, ranks)['CUDA_VISIBLE_DEVICES']), want);
  });
}

test('a missing and a wrong variable are named', () => {
  assert.throws(() => readEnvironment({ SRDIT_RUN: 'x' }), { exitCode: 64, message: /SRDIT_ADDRESSES is missing/ });
  assert.throws(() => readEnvironment({ SRDIT_RUN: 'x', SRDIT_ADDRESSES: 'nohost' }), { exitCode: 64, message: /SRDIT_ADDRESSES is "nohost"/ });
  assert.deepEqual(readEnvironment({ SRDIT_RUN: 'x', SRDIT_ADDRESSES: 'a:1,b:2', SRDIT_RANK: '' }).SRDIT_ADDRESSES, ['a:1', 'b:2']);
});
