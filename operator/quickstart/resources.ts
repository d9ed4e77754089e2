import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Resource } from '@srdit/crds';
import { parseResources } from '@srdit/crds/parse';
import { parseDocument } from 'yaml';
import { InputError } from '../cli/errors.ts';

export type Training = Extract<Resource, { kind: 'SRDiTTraining' }>;
export type Evaluation = Extract<Resource, { kind: 'SRDiTEvaluation' }>;

/** A resource with the YAML that says so. */
export interface Written<Kind extends Resource> { readonly resource: Kind; readonly file: string; readonly text: string }

export interface QuickstartResources { readonly training: Written<Training>; readonly evaluation: Written<Evaluation> }

type Change = readonly [path: readonly string[], value: string | number];

/** Fewer pictures say too little: the spread of the Fréchet distance would hide what is compared. */
const FEWEST_PICTURES = 200;

/** The resources of training.yaml and evaluation.yaml in `folder`, as they stand there or made shorter (or longer): everything
 *  that counts steps keeps its share of them, and names and prefixes say so, that runs of different length lie side by side.
 *  @throws InputError, ResourceError */
export function quickstartResources(folder: string, steps?: number): QuickstartResources {
  const training = read<Training>(folder, 'training.yaml', 'SRDiTTraining');
  const evaluation = read<Evaluation>(folder, 'evaluation.yaml', 'SRDiTEvaluation');
  if (steps === undefined || steps === training.resource.spec.steps) return { training, evaluation };
  return {
    training: changed(training, trainingChanges(training.resource, steps)),
    evaluation: changed(evaluation, evaluationChanges(evaluation.resource, training.resource, steps)),
  };
}

function read<Kind extends Resource>(folder: string, name: string, kind: Kind['kind']): Written<Kind> {
  const file = join(folder, name);
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw new InputError(`Cannot read "${file}": ${(cause as Error).message}. Restore it with git checkout`, { cause });
  }
  return { resource: only<Kind>(text, file, kind), file, text };
}

function only<Kind extends Resource>(text: string, file: string, kind: Kind['kind']): Kind {
  const [resource, ...others] = parseResources(text, file);
  if (resource?.kind !== kind || others.length > 0) throw new InputError(`Cannot use "${file}": the quickstart needs one ${kind} in it and nothing else. Run other files with ./srdit run -f FILE`);
  return resource as Kind;
}

/** Changes the YAML itself, comments and all, so that what is shown is what ran. */
function changed<Kind extends Resource>({ resource, file, text }: Written<Kind>, changes: readonly Change[]): Written<Kind> {
  const document = parseDocument(text);
  for (const [path, value] of changes) document.setIn(path, value);
  const shorter = document.toString({ lineWidth: 0 });
  return { resource: only<Kind>(shorter, file, resource.kind), file, text: shorter };
}

const suffix = (steps: number): string => `-${steps}-steps`;

function trainingChanges({ metadata, spec }: Training, steps: number): Change[] {
  const share = steps / spec.steps;
  const scaled = (value: number, least: number): number => Math.max(least, Math.floor(value * share));
  return [
    [['metadata', 'name'], metadata.name + suffix(steps)],
    [['spec', 'steps'], steps],
    [['spec', 'storage', 'uri'], spec.storage.uri + suffix(steps)],
    [['spec', 'optimizer', 'warmupSteps'], scaled(spec.optimizer.warmupSteps, 0)],
    [['spec', 'optimizer', 'decaySteps'], scaled(spec.optimizer.decaySteps, 0)],
    // The average looks back over the same share of the run.
    [['spec', 'optimizer', 'emaDecay'], Number(Math.max(0, 1 - (1 - spec.optimizer.emaDecay) / share).toFixed(6))],
    [['spec', 'checkpoints', 'everySteps'], scaled(spec.checkpoints.everySteps, 1)],
    ...(spec.samples.everySteps === 0 ? [] : [[['spec', 'samples', 'everySteps'], scaled(spec.samples.everySteps, 1)] satisfies Change]),
    [['spec', 'metrics', 'everySteps'], Math.min(spec.metrics.everySteps, Math.max(1, Math.floor(steps / 20)))],
  ];
}

function evaluationChanges({ metadata, spec }: Evaluation, training: Training, steps: number): Change[] {
  const share = Math.min(1, steps / training.spec.steps);
  return [
    [['metadata', 'name'], metadata.name + suffix(steps)],
    ...(spec.checkpoint.training?.name === training.metadata.name ? [[['spec', 'checkpoint', 'training', 'name'], training.metadata.name + suffix(steps)] satisfies Change] : []),
    [['spec', 'count'], Math.min(spec.count, Math.max(FEWEST_PICTURES, Math.round(spec.count * share)))],
    [['spec', 'storage', 'uri'], spec.storage.uri + suffix(steps)],
  ];
}
