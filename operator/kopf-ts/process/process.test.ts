/** Real processes: how they end. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';

/** Runs a process whose operator does `body` with `stop`, its signal; `released` is printed when the operator has ended in order. */
async function run(body: string, signals: readonly NodeJS.Signals[] = []): Promise<{ code: number | null; out: string; log: string }> {
  const program = `
    import { createLogger } from ${JSON.stringify(join(import.meta.dirname, '../observe/log.ts'))};
    import { runProcess } from ${JSON.stringify(join(import.meta.dirname, 'process.ts'))};
    const stopped = (stop) => new Promise((resolve) => { stop.addEventListener('abort', resolve); if (stop.aborted) resolve(); });
    const alive = setInterval(() => undefined, 1000);
    await runProcess({ log: createLogger(), async run(stop) { console.log('running'); ${body}; console.log('released'); } });
    clearInterval(alive);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: ['ignore', 'pipe', 'pipe'] });
  let [out, log] = ['', ''];
  const rest = [...signals];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
    for (const line of text.split('\n')) if (line === 'running' || line === 'again') child.kill(rest.shift() ?? 0);
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => { log += text; });
  const code = await new Promise<number | null>((resolve) => child.once('exit', resolve));
  return { code, out, log };
}

test('a signal ends it in order', async () => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    const { code, out } = await run('await stopped(stop)', [signal]);
    assert.deepEqual([code, out], [0, 'running\nreleased\n']);
  }
});

test('a second signal ends it at once', async () => {
  const { code, out } = await run('await stopped(stop); console.log("again"); await new Promise(() => undefined)', ['SIGTERM', 'SIGTERM']);
  assert.deepEqual([code, out], [1, 'running\nagain\n']);
});

test('an error that nobody caught is logged, and ends it in order with code 1', async () => {
  const { code, out, log } = await run('void Promise.reject(new Error("forgotten")); await stopped(stop)');
  assert.deepEqual([code, out], [1, 'running\nreleased\n']);
  assert.match(log, /forgotten/);
});

test('an operator that throws, as when its lease is lost, ends it with code 1', async () => {
  const { code, out, log } = await run('throw new Error("The lease is lost")');
  assert.deepEqual([code, out], [1, 'running\n']);
  assert.match(log, /The lease is lost/);
});
