import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../cli/main.ts', import.meta.url));
const STEPS = 12;

interface Ended { readonly code: number | null; readonly signal: NodeJS.Signals | null; readonly text: string }

/** The command itself; `when` sees all output so far and may send a signal. */
function quickstart(root: string, when: (text: string, kill: (signal: NodeJS.Signals) => void) => void = () => undefined): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [MAIN, 'quickstart', '--steps', String(STEPS), '--root', root, '--verbose'], { stdio: ['ignore', 'pipe', 'pipe'] });
    let text = '';
    const hear = (more: string): void => {
      text += more;
      when(text, (signal) => { child.kill(signal); });
    };
    child.stdout.setEncoding('utf8').on('data', hear);
    child.stderr.setEncoding('utf8').on('data', hear);
    child.on('error', reject).on('close', (code, signal) => { resolve({ code, signal, text }); });
  });
}

/** Once per call of quickstart. */
const once = (pattern: RegExp, signal: NodeJS.Signals): ((text: string, kill: (signal: NodeJS.Signals) => void) => void) => {
  let sent = false;
  return (text, kill) => {
    if (sent || !pattern.test(text)) return;
    sent = true;
    kill(signal);
  };
};

/** The end of what was printed, without the lines of progress before it: how many of those a pipe gets depends on the machine's speed. */
const tables = (text: string): string => text.slice(text.search(/^ +training$/m));

test('the quickstart goes on after Ctrl-C and after kill -9, and does nothing twice', async () => {
  const root = mkdtempSync(join(tmpdir(), 'srdit-quickstart-'));
  try {
    const stopped = await quickstart(root, once(/Checkpoint of step \d+ written/, 'SIGINT'));
    assert.equal(stopped.code, 75, stopped.text);
    assert.match(stopped.text, /the same command goes on/);

    const killed = await quickstart(root, once(/Checkpoint of step (?!1 )\d+ written/, 'SIGKILL'));
    assert.equal(killed.signal, 'SIGKILL', killed.text);
    assert.match(killed.text, /1906 pictures of 32x32 in 9 classes.*there already/);
    assert.match(killed.text, /Going on from step/);

    const whole = await quickstart(root);
    assert.equal(whole.code, 0, whole.text);
    assert.match(whole.text, /Going on from step/);
    assert.match(whole.text, new RegExp(`steps +${STEPS}, `));
    assert.match(whole.text, /Fréchet distance of pixels 8x8, lower is better +[\d.]+ +[\d.]+ +[\d.]+/);

    const folder = join(root, 'quickstart', `emoji-${STEPS}-steps`);
    for (const name of ['samples.png', 'noise-to-picture.png']) assert.ok(statSync(join(folder, name)).size > 10_000, name);
    assert.doesNotMatch(readFileSync(join(folder, 'index.html'), 'utf8'), /(src|href)="(?!data:)/);
    const { result } = JSON.parse(readFileSync(join(folder, 'result.json'), 'utf8')) as { result: { steps: number; noise: Record<string, number>; untrained: Record<string, number>; trained: Record<string, number> } };
    assert.equal(result.steps, STEPS);
    // Velocity 0 leaves noise as it is, and even a dozen steps lead away from it.
    assert.ok(Math.abs(Number(result.noise.frechetDistance) - Number(result.untrained.frechetDistance)) < 0.01 * Number(result.noise.frechetDistance));
    assert.ok(Number(result.trained.frechetDistance) < 0.95 * Number(result.noise.frechetDistance));
    assert.equal(result.noise.count, result.trained.count);

    const again = await quickstart(root);
    assert.equal(again.code, 0, again.text);
    assert.doesNotMatch(again.text, /attempt \d+ runs|Untrained model|Checkpoint of step/);
    assert.match(again.text, /^4\/4 .*\n +training\n/m);
    assert.equal(tables(again.text), tables(whole.text));
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
});
