import type { Command } from 'commander';
import type * as Recipes from '../../../images/build.ts';

/** Recipes are beside us, not below: what images/ does is asked for by name, not imported with the command. */
const recipes = (): Promise<typeof Recipes> => import('../../../images/build.ts');

export function register(program: Command): void {
  program.command('image')
    .description('Build a container image from this checkout, without a daemon')
    .argument('<name>', 'operator, runtime-cpu or runtime-cuda')
    .requiredOption('--oci <file>', 'where the OCI layout goes, a tar')
    .option('--registry <prefix>', 'in front of the name that the image bears, with its slash: ghcr.io/you/', '')
    .option('--plain', 'leave the layers uncompressed: faster, and larger', false)
    .addHelpText('after', `
Prints digest and sizes as JSON. Any tool that takes an OCI layout pushes it, for example
  $ ./srdit image operator --oci operator.tar
  $ skopeo copy oci-archive:operator.tar docker://ghcr.io/you/srdit-operator:0.1.0

runtime-cuda needs the CUDA build of TensorFlow: say SRDIT_DEVICE=gpu ./srdit image runtime-cuda ...`)
    .action(async (name: string, { oci, registry, plain }: { oci: string; registry: string; plain: boolean }) => {
      const { InputError } = await import('../errors.ts');
      const { buildImage, IMAGES } = await recipes();
      const known = IMAGES.find((one) => one === name);
      if (known === undefined) throw new InputError(`There is no image "${name}". Name one of ${IMAGES.join(', ')}`);
      process.stdout.write(`${JSON.stringify(await buildImage(known, oci, { compress: !plain, registry }), null, 1)}\n`);
    });
}
