/** Names below the prefix of a training (docs/contributing/architecture.md, "Storage of a run"). */
export const OWNER = 'owner.json';
export const MANIFEST = 'manifest.json';
/** Steps have 9 digits: names sort as numbers do. */
const STEP_DIGITS = 9;

export const stepName = (step: number): string => String(step).padStart(STEP_DIGITS, '0');
export const attemptPath = (attempt: number): string => `attempts/${attempt}`;
export const claimPath = (attempt: number): string => `${attemptPath(attempt)}/claim`;
export const checkpointPath = (attempt: number, step: number): string =>
  `${attemptPath(attempt)}/checkpoints/${stepName(step)}`;

/** uri of the training that a checkpoint belongs to, by the checkpoint's; undefined if it lies in no folder attempts/N/checkpoints. */
export const trainingUri = (uri: string): string | undefined => /^(.+)\/attempts\/\d+\/checkpoints\/\d+$/.exec(uri)?.[1];

export interface CheckpointPlace { readonly attempt: number; readonly step: number; readonly path: string }

/** The checkpoint folder that a file belongs to; undefined for any other file. */
export function placeOf(file: string): (CheckpointPlace & { readonly name: string }) | undefined {
  const match = /^(attempts\/([1-9]\d{0,8})\/checkpoints\/(\d{9}))\/(.+)$/.exec(file);
  if (match === null) return undefined;
  const [, path = '', attempt, step, name = ''] = match;
  return { attempt: Number(attempt), step: Number(step), path, name };
}

/** Attempt of a claim file; undefined for any other file. */
export function claimedAttempt(file: string): number | undefined {
  const match = /^attempts\/([1-9]\d{0,8})\/claim$/.exec(file);
  return match === null ? undefined : Number(match[1]);
}

/** Newest first: by step, and of one step the younger attempt's. */
export const newestFirst = (a: CheckpointPlace, b: CheckpointPlace): number => b.step - a.step || b.attempt - a.attempt;
