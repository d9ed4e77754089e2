import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { surroundings } from './build.ts';
import { configOf, IMAGES, type ImageName } from './config.ts';
import { image } from './content.ts';
import { writeImage } from './oci.ts';

const root = dirname(import.meta.dirname);
const work = mkdtempSync(join(tmpdir(), 'srdit-config-'));
after(() => { rmSync(work, { recursive: true, force: true }); });
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };

interface Started { readonly user: string; readonly environment: readonly string[]; readonly entrypoint: readonly string[]; readonly labels: Readonly<Record<string, string>> }

/** The last stage of a target of images/Dockerfile, an instruction a row. */
function stage(name: ImageName): { instruction: string; rest: string }[] {
  const text = readFileSync(join(root, 'images/Dockerfile'), 'utf8').replaceAll(/^#.*\n/gm, '').replaceAll(/\\\n\s*/g, '');
  const found = text.split(/^(?=FROM )/m).find((part) => part.startsWith(`FROM scratch AS ${name}\n`));
  assert.ok(found, `images/Dockerfile has no target ${name}`);
  return found.trim().split('\n').slice(1).map((line) => ({ instruction: line.slice(0, line.indexOf(' ')), rest: line.slice(line.indexOf(' ') + 1).trim() }));
}

function dockerfile(name: ImageName): Started {
  const all = (instruction: string): string => stage(name).filter((row) => row.instruction === instruction).map(({ rest }) => rest).join(' ');
  return {
    user: all('USER'), entrypoint: JSON.parse(all('ENTRYPOINT')) as string[], environment: all('ENV').split(/\s+/).sort(),
    labels: Object.fromEntries([...all('LABEL').matchAll(/(\S+)="([^"]*)"/g)].map(([, key, value]) => [key, value])) as Record<string, string>,
  };
}

/** What ./srdit image writes, read back from the archive. */
async function written(name: ImageName): Promise<Started> {
  const out = join(work, `${name}.tar`);
  const { digest } = await writeImage({ name, layers: [], config: configOf(name, root, version) }, out, false);
  const blob = (of: string): unknown => JSON.parse(execFileSync('tar', ['-xOf', out, `blobs/sha256/${of.slice('sha256:'.length)}`], { encoding: 'utf8' }));
  const { config: { digest: of } } = blob(digest) as { config: { digest: string } };
  const { config } = blob(of) as { config: { User: string; Env: string[]; Entrypoint: string[]; Labels: Record<string, string> } };
  return { user: config.User, environment: config.Env.sort(), entrypoint: config.Entrypoint, labels: config.Labels };
}

for (const name of IMAGES) {
  test(`containers of ${name} start the same whether the Dockerfile or ./srdit image made it: user, environment, entrypoint and labels`, async () => {
    assert.deepEqual(dockerfile(name), await written(name));
  });
}

test('the Dockerfile copies each layer of an image, in their order, and no other', () => {
  const layers = { operator: image('operator', surroundings('operator')).layers.length, 'runtime-cpu': image('runtime-cpu', surroundings('runtime-cpu')).layers.length };
  // Both runtimes are laid out by the same function; a machine of tests has the CPU's TensorFlow only.
  for (const [name, count] of Object.entries({ ...layers, 'runtime-cuda': layers['runtime-cpu'] }) as [ImageName, number][]) {
    assert.deepEqual(stage(name).filter(({ instruction }) => instruction === 'COPY').map(({ rest }) => rest), Array.from({ length: count }, (_, at) => `--from=${name}-files /out/${at + 1}/ /`));
  }
});
