/** A list in pages, each of which says where the next one begins. */
import { nextPage } from '../wire/answer.ts';
import type { Raw } from '../wire/answer.ts';

/** items: null or nothing where there are none. */
export interface Page<T> { readonly metadata?: { readonly resourceVersion?: string; readonly continue?: string }; readonly items?: T[] | null }

/** Asks for the page that begins at `from`; undefined: the first. peek sees the answer before it is parsed, and says whether that began another request. */
export type AskPage<T> = (from: string | undefined, peek: ((answer: Raw) => boolean) | undefined) => Promise<Page<T>>;

/** ahead: the server works at the next page while this one is parsed and used. No more than one waits. */
export async function* pages<T>(ask: AskPage<T>, ahead: boolean): AsyncGenerator<Page<T>> {
  const waiting: Promise<Page<T>>[] = [];
  const peek = (answer: Raw): boolean => {
    const from = nextPage(answer);
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
