/** What a container of each image starts as: for content.ts here, and repeated by the Dockerfile, whose lines config.test.ts compares. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ImageConfig } from './oci.ts';
import type { Wheel } from './sbom.ts';

export const IMAGES = ['operator', 'runtime-cpu', 'runtime-cuda'] as const;
export type ImageName = (typeof IMAGES)[number];

/** Where the project's code lies in an image, and TensorFlow. */
export const PLACE = 'srdit';
export const TENSORFLOW = '/opt/tensorflow';

/** Whom containers run as: distroless' nonroot, a number that owns nothing. */
const USER = '65532:65532';

/** A small young generation, as watch events do not live long: less resident memory than by default, and a seventh less CPU time than with 2 MB. */
export const OPERATOR_NODE_OPTIONS = '--max-semi-space-size=8';

const labels = (title: string, version: string, description: string): Record<string, string> => ({
  'org.opencontainers.image.title': title, 'org.opencontainers.image.version': version, 'org.opencontainers.image.description': description, 'org.opencontainers.image.licenses': 'Apache-2.0',
});

export function configOf(name: ImageName, root: string, version: string): ImageConfig {
  if (name === 'operator') {
    return {
      user: USER, entrypoint: ['srdit-operator'], labels: labels('srdit-operator', version, 'Operator of SRDiTTraining and SRDiTEvaluation'),
      environment: { NODE_ENV: 'production', NODE_OPTIONS: OPERATOR_NODE_OPTIONS },
    };
  }
  return {
    user: USER, entrypoint: ['srdit-runtime'], labels: labels('srdit-runtime', version, 'Trains, samples and measures SR-DiT'),
    environment: {
      NODE_ENV: 'production', SRDIT_ADDON: `/${PLACE}/srdit.node`,
      ...(name === 'runtime-cuda' ? { LD_LIBRARY_PATH: cudaFolders(root).join(':'), NVIDIA_VISIBLE_DEVICES: 'all', NVIDIA_DRIVER_CAPABILITIES: 'compute,utility' } : {}),
    },
  };
}

/** The wheels that ./srdit brings for a device, as they are pinned. */
export function wheels(root: string, flavour: 'cpu' | 'gpu'): Wheel[] {
  return readFileSync(join(root, 'runtime/install', `${flavour}.wheels`), 'utf8').split('\n').filter((line) => line !== '' && !line.startsWith('#')).map((line) => {
    const [name = '', version = '', , , , sha256 = ''] = line.split(/\s+/);
    return { name, version, sha256 };
  });
}

/** Where CUDA's libraries lie: the wheel nvidia-cuda-cupti-cu12 unpacks to nvidia/cuda_cupti. nvcc's has programs only. */
const cudaFolders = (root: string): string[] => wheels(root, 'gpu').flatMap(({ name }) => {
  const part = /^nvidia-(.+)-cu\d+$/.exec(name)?.[1];
  return part === undefined || part === 'cuda-nvcc' ? [] : [`${TENSORFLOW}/nvidia/${part.replaceAll('-', '_')}/lib`];
});
