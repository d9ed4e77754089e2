import { basename } from 'node:path';
import { attempt, command } from './command.ts';
import { MissingPart } from './missing-part.ts';

/** Compiles the program of a Go module in `folder` into the file `place`, behind everything else that the machine does. GOFLAGS, GOCACHE and GOPROXY
 *  are the user's. target: its package; linker: flags.
 *  @throws MissingPart without Go */
export async function goBuild(folder: string, place: string, { target = '.', linker = '' } = {}): Promise<void> {
  const { code } = await attempt('go', ['version']).catch(() => ({ code: 1 }));
  if (code !== 0) throw new MissingPart(`Go is not installed, which builds ${basename(place).split('.')[0] ?? ''}`, 'Install Go 1.24 or newer');
  await command('nice', ['-n', '19', 'go', 'build', '-buildvcs=false', '-trimpath', '-ldflags', `-s -w ${linker}`, '-o', place, target],
    { cwd: folder, env: { ...process.env, CGO_ENABLED: '0' }, seconds: 3600 });
}
