/** Lists in pages: all pages of a list are of one moment. */
import type { AnyObject } from '../api/objects.ts';
import { Refused } from './answer.ts';

interface Rest {
  readonly version: number;
  readonly items: readonly AnyObject[];
}

export class Pages {
  readonly #rests = new Map<string, Rest>();
  #tokens = 0;

  page(version: number, all: () => readonly AnyObject[], query: URLSearchParams, type: { kind: string; apiVersion: string }): object {
    const limit = Number(query.get('limit') ?? 0);
    const token = query.get('continue');
    const rest = token === null ? { version, items: all() } : this.#rests.get(token);
    if (rest === undefined) throw new Refused(410, 'Expired', 'The provided continue parameter is too old to display a consistent list result');
    const items = limit > 0 ? rest.items.slice(0, limit) : rest.items;
    const left = rest.items.slice(items.length);
    let next: string | undefined;
    if (left.length > 0) {
      next = `page-${++this.#tokens}`;
      this.#rests.set(next, { version: rest.version, items: left });
      if (this.#rests.size > 200) this.#rests.delete(this.#rests.keys().next().value as string);
    }
    return {
      ...type, metadata: { resourceVersion: String(rest.version), ...(next === undefined ? {} : { continue: next, remainingItemCount: left.length }) },
      // As the real server: what the list says, its items do not repeat.
      items: items.map(({ apiVersion: _, kind: __, ...item }) => item),
    };
  }

  clear(): void {
    this.#rests.clear();
  }
}
