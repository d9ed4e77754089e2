import type { LastWord } from '@srdit/crds';
import { parseResource } from '@srdit/crds/parse';
import { gangOf } from '../gang-of.ts';
import type { Evaluation, Gang, ObservedPod, Training } from '../types.ts';

const identity = { uid: 'uid-1', generation: 1 };

/** A small training named "t" of two workers; spec fields given are laid over it. */
export function training(spec: Record<string, unknown> = {}): Training {
  const gang = gangOf(parseResource({
    apiVersion: 'srdit.dev/v1alpha1', kind: 'SRDiTTraining', metadata: { name: 't', namespace: 'lab' },
    spec: {
      model: { size: { depth: 4, hiddenSize: 32, heads: 2, patchSize: 1 }, numClasses: 10, classToken: false },
      objective: { alignment: { enabled: false } }, batchSize: 8, steps: 100,
      data: { uri: 'file:///data/packed', teacherFeatures: false }, storage: { uri: 'file:///runs/t' },
      gang: { workers: 2, maxRestarts: 2, backoffSeconds: 10, gpu: { perRank: 0 } },
      ...spec,
    },
  }), identity);
  if (gang.kind !== 'SRDiTTraining') throw new Error('unreachable');
  return gang;
}

/** An evaluation named "e" of the training "t", one worker. */
export function evaluation(spec: Record<string, unknown> = {}): Evaluation {
  const gang = gangOf(parseResource({
    apiVersion: 'srdit.dev/v1alpha1', kind: 'SRDiTEvaluation', metadata: { name: 'e', namespace: 'lab' },
    spec: {
      checkpoint: { training: { name: 't' } }, count: 64, reference: { data: 'file:///data/packed' }, storage: { uri: 'file:///runs/e' },
      gang: { gpu: { perRank: 0 } }, ...spec,
    },
  }), identity);
  if (gang.kind !== 'SRDiTEvaluation') throw new Error('unreachable');
  return gang;
}

export const changed = <G extends Gang>(gang: G, spec: Partial<G['spec']>): G =>
  ({ ...gang, metadata: { ...gang.metadata, generation: gang.metadata.generation + 1 }, spec: { ...gang.spec, ...spec } });

const word = (exitCode: number, message: string): LastWord => ({ exitCode, reason: 'Test', message, rank: 0 });

/** Pods of an attempt, one character a worker: P pending, R running, S succeeded, C crashed (137), X wrong
 *  configuration (64), N not a number (65), T stopped (75), L lost a peer (76), E evicted, . absent. */
export function pods(letters: string, attempt: number): ObservedPod[] {
  const kinds: Record<string, Omit<ObservedPod, 'name' | 'attempt' | 'worker'>> = {
    P: { phase: 'Pending' }, R: { phase: 'Running' }, S: { phase: 'Succeeded', exitCode: 0 }, C: { phase: 'Failed', exitCode: 137 },
    X: { phase: 'Failed', exitCode: 64, lastWord: word(64, 'Cannot find the data set "file:///data/packed"') },
    N: { phase: 'Failed', exitCode: 65, lastWord: word(65, 'The loss of step 7 is not a number') },
    T: { phase: 'Failed', exitCode: 75 }, L: { phase: 'Failed', exitCode: 76, lastWord: { ...word(76, 'Lost rank 1'), lostRank: 1 } },
    E: { phase: 'Failed', exitCode: 143, reason: 'Evicted' },
  };
  return [...letters].flatMap((letter, worker) => {
    const kind = kinds[letter];
    return kind === undefined ? [] : [{ name: `t-train-${attempt}-${worker}`, attempt, worker, ...kind }];
  });
}
