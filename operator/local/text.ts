import type { EvaluationResult, Resource } from '@srdit/crds';
import type { Stored } from './state.ts';
import type { Status } from '../plan/types.ts';

/** How lines call a resource: a training and its evaluation often have one name. */
export const label = (resource: Pick<Resource, 'kind' | 'metadata'>): string => `${resource.kind === 'SRDiTTraining' ? 'training' : 'evaluation'} ${resource.metadata.name}`;

/** 75 -> "1 min 15 s", 7300 -> "2 h 1 min". seconds: any number, rounded. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  if (whole < 172_800) return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
  return `${Math.floor(whole / 86_400)} d`;
}

/** Three or four significant digits, never an exponent within reason. */
export const figure = (value: number): string => (Math.abs(value) >= 1000 ? value.toFixed(0) : Number(value.toPrecision(4)).toString());

/** "step 120/600 (20 %), loss 0.8123, 33.1 img/s, 1 min 20 s left"; parts that are not known are left out. */
export function progressText(stored: Stored): string {
  const progress = (stored.status as Status | undefined)?.progress;
  if (progress === undefined) return '';
  const counted = progress.pictures === undefined ? `step ${progress.step ?? 0}/${progress.of ?? 0}` : `picture ${progress.pictures}/${progress.of ?? 0}`;
  return [
    `${counted} (${progress.percent ?? 0} %)`,
    progress.loss === undefined ? '' : `loss ${figure(progress.loss)}`,
    progress.imagesPerSecond === undefined ? '' : `${figure(progress.imagesPerSecond)} img/s`,
    progress.etaSeconds === undefined || progress.etaSeconds === 0 ? '' : `${duration(progress.etaSeconds)} left`,
  ].filter((part) => part !== '').join(', ');
}

/** A file:// uri as the path of this machine that it stands for. */
export const localPath = (uri: string, volumes: string): string => (uri.startsWith('file://') ? volumes + uri.slice('file://'.length) : uri);

/** "450 pictures, Fréchet distance of pixels 8x8 0.5215, precision 0.627, recall 0.623" */
export const resultText = ({ count, features, frechetDistance, precision, recall }: EvaluationResult): string => [
  `${count} pictures`, `Fréchet distance of ${features} ${figure(frechetDistance)}`,
  precision === undefined ? '' : `precision ${figure(precision)}`, recall === undefined ? '' : `recall ${figure(recall)}`,
].filter((part) => part !== '').join(', ');
