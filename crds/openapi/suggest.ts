import { formatPath, type Path, type Schema } from './schema.ts';

/** Levenshtein distance between two names, letter case ignored. */
export function editDistance(left: string, right: string): number {
  const a = left.toLowerCase();
  const b = right.toLowerCase();
  let row = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

/** The candidate that was probably meant, if any is within a third of the name's length. */
export function closest(name: string, candidates: readonly string[]): string | undefined {
  const limit = Math.max(1, Math.floor(name.length / 3));
  return candidates
    .map((candidate) => ({ candidate, distance: editDistance(name, candidate) }))
    .filter(({ distance }) => distance <= limit)
    .sort((x, y) => x.distance - y.distance)[0]?.candidate;
}

/** Where else in the schema a field of this name lives: `learningRate` put right under spec is spec.optimizer.learningRate. */
export function elsewhere(root: Schema, name: string): string[] {
  const found: string[] = [];
  const visit = (schema: Schema, path: Path): void => {
    for (const [property, child] of Object.entries(schema.properties ?? {})) {
      if (property === name) found.push(formatPath([...path, property]));
      visit(child, [...path, property]);
    }
  };
  const spec = root.properties?.['spec'];
  if (spec !== undefined) visit({ properties: { spec } }, []);
  return found;
}

/** ` (did you mean ...?)` or nothing. */
export function didYouMean(root: Schema, siblings: readonly string[], name: string): string {
  const near = closest(name, siblings);
  if (near !== undefined) return ` (did you mean "${near}"?)`;
  const [only, ...others] = elsewhere(root, name);
  return only !== undefined && others.length === 0 ? ` (did you mean ${only}?)` : '';
}
