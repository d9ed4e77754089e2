/** A list in pages, each of which says where the next one begins. */

/** items: null or nothing where there are none. */
export interface Page<T> { readonly metadata?: { readonly resourceVersion?: string; readonly continue?: string }; readonly items?: T[] | null }

/** Asks for the page that begins at `from`; undefined: the first. peek sees its text before it is parsed, and says whether that began another request. */
export type AskPage<T> = (from: string | undefined, peek: ((text: string) => boolean) | undefined) => Promise<Page<T>>;

/** ahead: the server works at the next page while this one is parsed and used. No more than one waits. */
export async function* pages<T>(ask: AskPage<T>, ahead: boolean): AsyncGenerator<Page<T>> {
  const waiting: Promise<Page<T>>[] = [];
  const peek = (text: string): boolean => {
    const from = beginsAt(text);
    if (from === undefined || waiting.length > 0) return false;
    const next = ask(from, peek);
    waiting.push(next);
    // Whoever takes it hears of it; perhaps nobody does.
    next.catch(() => undefined);
    return true;
  };
  const take = (from: string | undefined): Promise<Page<T>> => waiting.shift() ?? ask(from, ahead ? peek : undefined);
  for (let from: string | undefined, first = true; first || from !== undefined; first = false) {
    const page = await take(from);
    yield page;
    from = page.metadata?.continue === '' ? undefined : page.metadata?.continue;
  }
}

/** Where the next page begins, from the beginning of this one's text: the API server writes a list's metadata before its items. */
const beginsAt = (text: string): string | undefined =>
  /^\{"kind":"\w+","apiVersion":"[\w./-]+","metadata":\{[^{}]*"continue":"([\w=-]+)"[^{}]*\},"items":/.exec(text.slice(0, 4096))?.[1];
