import type { Background } from './decode.ts';
import type { Item } from './source.ts';
import type { Shaping } from './transforms.ts';

/** What a worker is told when it starts. */
export interface WorkerSettings {
  readonly source: string;
  /** Folder of the results. */
  readonly folder: string;
  readonly shaping: Shaping;
  readonly background?: Background | undefined;
}

export interface Job {
  /** Place in the source. */
  readonly index: number;
  readonly item: Item;
  /** The side all pictures must have, once it is known. */
  readonly side?: number | undefined;
  /** A run before this one may have written it. */
  readonly maybeDone: boolean;
}

export type Outcome =
  | { readonly kind: 'written' | 'kept'; readonly side: number }
  /** The picture cannot be read. */
  | { readonly kind: 'broken'; readonly why: string }
  /** The transform does not take pictures like this one. */
  | { readonly kind: 'left out'; readonly why: string }
  /** The picture shows that the settings are wrong. */
  | { readonly kind: 'wrong size'; readonly width: number; readonly height: number }
  /** Nothing can be written any more. */
  | { readonly kind: 'failed'; readonly why: string };
export interface Answer { readonly index: number; readonly outcome: Outcome }
