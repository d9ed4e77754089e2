/** kopf-ts and kopf, the frameworks: the same small operator on each (operator/kopf-ts/bench), in turns on one control plane without nodes. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { kubernetes } from '../../e2e/cluster/binaries.ts';
import { ControlPlane } from './control-plane.ts';
import { kopfPython } from './peers/kopf.ts';

const RUN = join(import.meta.dirname, '../../operator/kopf-ts/bench/run.ts');

/** Prints a line of JSON for each run and then the ratios, as the bench itself does: the package knows nothing of our clusters.
 *  objects: resources of a run; rounds: runs of each. @throws Error if it fails */
export async function benchFrameworks({ objects, rounds }: { readonly objects: number; readonly rounds: number }): Promise<void> {
  const python = await kopfPython();
  await using plane = await ControlPlane.start(await kubernetes());
  const child = spawn(process.execPath, [RUN, String(objects), String(rounds)], {
    stdio: 'inherit', env: { ...process.env, KOPF_TEST_KUBECONFIG: plane.kubeconfig('admin'), KOPF_PYTHON: python },
  });
  const [code] = await once(child, 'exit') as [number | null];
  if (code !== 0) throw new Error(`The bench of kopf-ts ended with ${code ?? 'a signal'}; what it says stands above`);
}
