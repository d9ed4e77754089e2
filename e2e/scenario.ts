import type { Cluster } from './cluster/cluster.ts';
import type { CommandOptions, CommandResult } from './cluster/command.ts';
import type { Run } from './run.ts';

/** What a scenario wants in the cluster before it begins. Images that nobody wants are not built. */
export type Need = 'contract-rank' | 'runtime' | 'operator' | 'helm' | 'bucket';

/** One thing that must hold on a real cluster. A file of scenarios/ exports it by default. */
export interface Scenario {
  /** A sentence. */
  readonly title: string;
  readonly needs?: readonly Need[];
  /** Kills or stops parts of the cluster or of the operator: nothing runs beside it, and it comes after those that may have company. */
  readonly alone?: boolean;
  run(world: World): Promise<void>;
}

/** The cluster as a scenario sees it: with a namespace of its own, which refuses pods that are not "restricted". */
export interface World {
  readonly cluster: Cluster;
  readonly namespace: string;
  /** A folder of this machine that pods see as the claim `data`, writable for them. */
  readonly data: string;
  /** helm with the cluster's kubeconfig; needs `helm`. */
  readonly helm: (...args: string[]) => Promise<CommandResult>;
  readonly run: Run;
  /** kubectl in the namespace. */
  readonly kubectl: (...args: string[]) => Promise<string>;
  readonly tryKubectl: (args: readonly string[], options?: CommandOptions) => Promise<CommandResult>;
  /** Server-side apply of objects or YAML. */
  readonly apply: (...objects: readonly (object | string)[]) => Promise<string>;
  /** `kubectl get -o json` in the namespace. */
  readonly get: <T>(...args: string[]) => Promise<T>;
  /** A line of the scenario's log, which is kept if it fails. */
  readonly note: (text: string) => void;
  /** A line about what was measured, for who runs the scenarios; shown also if all is well. */
  readonly tell: (text: string) => void;
}
