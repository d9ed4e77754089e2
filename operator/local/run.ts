import type { Resource } from '@srdit/crds';
import { RunError } from './errors.ts';
import { exitCodeOf, runResource, type ExecutorOptions } from './executor.ts';
import { holderOf } from './lock.ts';
import { keyOf, load, type Stored } from './state.ts';

export interface RunAllResult {
  /** 0 if everything is complete, else the code of what was not. */
  readonly exitCode: number;
  /** What was run, as it was left. */
  readonly results: readonly Stored[];
  /** What was not begun, because something before it was not complete. */
  readonly left: readonly Resource[];
}

const nameOf = (resource: Resource): string => `${resource.kind}/${resource.metadata.namespace ?? 'default'}/${resource.metadata.name}`;
const trainingNameOf = (resource: Resource): string | undefined => (resource.kind !== 'SRDiTEvaluation' || resource.spec.checkpoint.training === undefined
  ? undefined : `SRDiTTraining/${resource.metadata.namespace ?? 'default'}/${resource.spec.checkpoint.training.name}`);

/** The order given, but an evaluation after the training it measures.
 *  @throws RunError BadInput if a resource comes twice */
export function inOrder(resources: readonly Resource[]): Resource[] {
  const byName = new Map<string, Resource>();
  for (const resource of resources) {
    if (byName.has(nameOf(resource))) throw new RunError('BadInput', `Cannot run ${resource.kind} "${resource.metadata.name}" twice at once: the files name it more than once. Give one of them another metadata.name`);
    byName.set(nameOf(resource), resource);
  }
  const ordered = new Set<Resource>();
  for (const resource of resources) {
    const training = byName.get(trainingNameOf(resource) ?? '');
    if (training !== undefined) ordered.add(training);
    ordered.add(resource);
  }
  return [...ordered];
}

/** A laptop has nobody else who would complete a training.
 *  @throws RunError BadInput */
function refuseEndlessWait(resource: Resource, options: ExecutorOptions): void {
  const training = resource.kind === 'SRDiTEvaluation' ? resource.spec.checkpoint.training?.name : undefined;
  if (training === undefined) return;
  const key = { kind: 'SRDiTTraining', namespace: resource.metadata.namespace ?? 'default', name: training };
  const state = load(options.layout, key)?.status?.state;
  // What a failed training has left can be measured.
  if (state === 'Complete' || (state === 'Failed' && isBeside(resource)) || holderOf(options.layout.lock(key)) !== undefined) return;
  throw new RunError('BadInput', `Cannot run SRDiTEvaluation "${resource.metadata.name}": SRDiTTraining "${training}" ${state === undefined ? 'was never run here' : 'is not complete'}. Give its file as well: ./srdit run -f TRAINING -f EVALUATION`);
}

/** An evaluation of every checkpoint goes on beside its training. */
const isBeside = (resource: Resource): boolean => resource.kind === 'SRDiTEvaluation' && resource.spec.checkpoint.training?.which === 'Every';

/** What is run at once: a training with the evaluations of its every checkpoint, everything else alone. */
function together(ordered: readonly Resource[]): Resource[][] {
  const groups: Resource[][] = [];
  const placed = new Map<string, Resource[]>();
  for (const resource of ordered) {
    const beside = isBeside(resource) ? placed.get(trainingNameOf(resource) ?? '') : undefined;
    const group = beside ?? [];
    if (beside === undefined) groups.push(group);
    group.push(resource);
    placed.set(nameOf(resource), group);
  }
  return groups;
}

/** Runs resources side by side. One that cannot be run stops the others in order.
 *  @throws RunError, ResourceError */
async function runTogether(resources: readonly Resource[], options: ExecutorOptions): Promise<Stored[]> {
  const failed = new AbortController();
  const wish = { ...options.wish, stop: AbortSignal.any([options.wish.stop, failed.signal]) };
  // The first takes its lock before the next one looks who runs it.
  const runs = resources.map((resource) => runResource(resource, { ...options, wish }).catch((error: unknown) => { failed.abort(); throw error; }));
  await Promise.allSettled(runs);
  return Promise.all(runs);
}

/** Runs resources one after the other, evaluations of every checkpoint beside their training, and ends with the first that is
 *  not complete. */
export async function runAll(resources: readonly Resource[], options: ExecutorOptions): Promise<RunAllResult> {
  const ordered = inOrder(resources);
  const names = new Set(ordered.map(nameOf));
  for (const resource of ordered) if (!names.has(trainingNameOf(resource) ?? '')) refuseEndlessWait(resource, options);
  const results: Stored[] = [];
  const groups = together(ordered);
  for (const [index, group] of groups.entries()) {
    const ended = await runTogether(group, options);
    results.push(...ended);
    const exitCode = ended.map(exitCodeOf).find((code) => code !== 0);
    if (exitCode !== undefined) return { exitCode, results, left: groups.slice(index + 1).flat() };
  }
  return { exitCode: 0, results, left: [] };
}

/** What is stored of the resources now. */
export const storedOf = (resources: readonly Resource[], options: Pick<ExecutorOptions, 'layout'>): Stored[] =>
  resources.flatMap((resource) => load(options.layout, keyOf(resource)) ?? []);
