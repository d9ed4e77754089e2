import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ProgressReport } from '@srdit/crds';
import { ProgressBoard, serveProgress } from './server.ts';

const checkpoint = { step: 40, uri: 'file:///runs/a/attempts/1/checkpoints/000000040', bytes: 10, digest: 'd' };

async function served(board: ProgressBoard, use: (url: string) => Promise<void>): Promise<void> {
  await using server = await serveProgress(board, '127.0.0.1', 0);
  await use(`http://127.0.0.1:${server.port}`);
}
const boardOf = (): ProgressBoard => new ProgressBoard({ uid: 'u', attempt: 2, of: 100 });

test('progress is what was reported last, each field until it is said anew', async () => {
  const board = boardOf();
  await served(board, async (url) => {
    board.update({ phase: 'Training', step: 41, loss: 0.5, checkpoints: [checkpoint] });
    board.update({ step: 42, imagesPerSecond: 10 });
    const report = ProgressReport.parse(await (await fetch(`${url}/progress`)).json());
    const { time, ...rest } = report;
    assert.ok(Math.abs(Date.now() - Date.parse(time)) < 60_000);
    assert.deepEqual(rest, { uid: 'u', attempt: 2, of: 100, phase: 'Training', step: 42, loss: 0.5, imagesPerSecond: 10, checkpoints: [checkpoint] });
  });
});

test('a loss that is no number does not make the report unreadable', async () => {
  const board = boardOf();
  board.update({ phase: 'Training', step: 1, loss: NaN, gradNorm: Infinity });
  await served(board, async (url) => {
    const report = ProgressReport.parse(await (await fetch(`${url}/progress`)).json());
    assert.deepEqual([report.step, report.loss, report.gradNorm], [1, undefined, undefined]);
  });
});

test('metrics are what Prometheus reads', async () => {
  const board = boardOf();
  board.update({ phase: 'Training', step: 41, loss: 0.5, checkpoints: [checkpoint] });
  await served(board, async (url) => {
    const answer = await fetch(`${url}/metrics`);
    assert.match(answer.headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/);
    const text = await answer.text();
    for (const line of ['srdit_step 41', 'srdit_steps 100', 'srdit_loss 0.5', 'srdit_attempt 2', 'srdit_checkpoint_step 40', '# TYPE srdit_step gauge']) assert.ok(text.split('\n').includes(line), `${line} is missing in\n${text}`);
  });
});

test('other questions are refused', async () => {
  await served(boardOf(), async (url) => {
    assert.equal((await fetch(`${url}/healthz`)).status, 200);
    assert.equal((await fetch(`${url}/secrets`)).status, 404);
    assert.equal((await fetch(`${url}/progress`, { method: 'POST' })).status, 405);
  });
});
