import type { Evaluation } from './types.ts';

/** What an evaluation says of the training that it names, whether it measures one of its checkpoints or every. */
export const named = (name: string): string => `SRDiTTraining "${name}"`;

export const notFound = ({ metadata: { namespace } }: Evaluation, name: string) =>
  ({ kind: 'Waiting', reason: 'TrainingNotFound', message: `Waiting for ${named(name)}: there is none of that name in namespace "${namespace}"` }) as const;

export const noCheckpoint = (name: string) =>
  ({ kind: 'Failed', reason: 'NoCheckpoint', message: `${named(name)} is complete but its status names no checkpoint; set spec.checkpoint.uri to the folder that holds manifest.json` }) as const;
