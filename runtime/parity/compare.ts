/** How near two tensors must be. Fixtures state their tolerances in words; each kind quotes them where it builds these. */
export type Tolerance =
  /** Every element: |a - b| <= abs + rel |b|. */
  | { readonly kind: 'elements'; readonly abs: number; readonly rel: number }
  /** The whole tensor: ||a - b|| <= rel ||b||, where ||b|| is at least `floor`. */
  | { readonly kind: 'norm'; readonly rel: number; readonly floor?: number }
  /** `share` of the elements within abs, all within `worst`. */
  | { readonly kind: 'most'; readonly abs: number; readonly share: number; readonly worst: number };

export interface Measured { readonly maxAbs: number; readonly ok: boolean }

/** One line of the table. */
export interface Row {
  readonly fixture: string;
  readonly case: string;
  readonly tensor: string;
  readonly tolerance: string;
  readonly eager?: Measured | undefined;
  readonly compiled?: Measured | undefined;
  /** Where neither is a network's answer, as a schedule or a picture. */
  readonly host?: Measured | undefined;
}

export type Numbers = ArrayLike<number>;

export function measure(actual: Numbers, expected: Numbers, tolerance: Tolerance): Measured {
  if (actual.length !== expected.length) return { maxAbs: Infinity, ok: false };
  let maxAbs = 0;
  let over = 0;
  let errorSquares = 0;
  let squares = 0;
  for (let i = 0; i < expected.length; i++) {
    const want = expected[i] as number;
    const error = Math.abs((actual[i] as number) - want);
    // A NaN compares as false everywhere: count it as infinite.
    maxAbs = Number.isNaN(error) ? Infinity : Math.max(maxAbs, error);
    if (tolerance.kind === 'elements' && !(error <= tolerance.abs + tolerance.rel * Math.abs(want))) over++;
    if (tolerance.kind === 'most' && !(error <= tolerance.abs)) over++;
    errorSquares += error * error;
    squares += want * want;
  }
  switch (tolerance.kind) {
    case 'elements': return { maxAbs, ok: over === 0 };
    case 'norm': return { maxAbs, ok: Math.sqrt(errorSquares) <= tolerance.rel * Math.max(Math.sqrt(squares), tolerance.floor ?? 0) };
    case 'most': return { maxAbs, ok: over <= (1 - tolerance.share) * expected.length && maxAbs <= tolerance.worst };
    default: return tolerance satisfies never;
  }
}

/** The tolerance as the table shows it. */
export function describe(tolerance: Tolerance): string {
  switch (tolerance.kind) {
    case 'elements': return [tolerance.abs > 0 ? `abs ${tolerance.abs}` : '', tolerance.rel > 0 ? `rel ${tolerance.rel}` : ''].filter(Boolean).join(' + ') || 'equal';
    case 'norm': return `norm rel ${tolerance.rel}`;
    case 'most': return `abs ${tolerance.abs} for ${tolerance.share * 100} %, ${tolerance.worst} for all`;
    default: return tolerance satisfies never;
  }
}

export function norm(values: Numbers): number {
  let squares = 0;
  for (let i = 0; i < values.length; i++) squares += (values[i] as number) ** 2;
  return Math.sqrt(squares);
}
