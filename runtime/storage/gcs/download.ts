import type { IncomingMessage } from 'node:http';
import { Refused, type Api } from './api.ts';
import { bodyOf } from './http.ts';
import { Passing } from './patience.ts';

/** An object that is being read: how large it is, and its bytes from `from` on. */
export interface Opened {
  readonly total: number;
  /** Pieces of [from, to); an answer that breaks off is asked for again from the byte reached, of the very same object. */
  readonly pieces: AsyncGenerator<Uint8Array>;
  /** Ends the answer if it has not come to its end. */
  close(): void;
}

/** Opens bytes [from, to) of an object (to undefined: all from there on); to may lie beyond its end. Throws Refused: 404, and 416 if
 *  nothing lies at `from`. */
export async function openRange(api: Api, name: string, from: number, to?: number): Promise<Opened> {
  const tries = api.tries();
  const ask = async (start: number, generation?: string): Promise<IncomingMessage> => {
    while (true) {
      try {
        return await api.once(api.url(name, { alt: 'media', generation }), {
          method: 'GET', ok: start === 0 && to === undefined ? [200] : [206],
          // Without this, what was stored compressed would come in another length than the listing says.
          headers: { 'accept-encoding': 'gzip', ...((start > 0 || to !== undefined) && { range: `bytes=${start}-${to === undefined ? '' : to - 1}` }) },
        });
      } catch (error) {
        await tries.again(error);
      }
    }
  };
  const first = await ask(from);
  const total = totalOf(first);
  const end = Math.min(to ?? total, total);
  const generation = first.headers['x-goog-generation'];

  let answer = first;
  async function* pieces(): AsyncGenerator<Uint8Array> {
    let reached = from;
    while (true) {
      try {
        for await (const piece of bodyOf(answer)) {
          reached += piece.byteLength;
          tries.progressed();
          yield piece;
        }
        if (reached < end) throw new Passing(`the answer ended at byte ${reached} of ${end}`);
        if (reached > end) throw new Refused(200, `"${reached - from} bytes" instead of ${end - from}`);
        return;
      } catch (error) {
        await tries.again(error);
        if (reached === end) return;
        answer = await ask(reached, typeof generation === 'string' ? generation : undefined).catch((refused: unknown) => {
          throw refused instanceof Refused && refused.status === 404 ? new Refused(404, '"replaced or removed while it was read"', undefined, true) : refused;
        });
      }
    }
  }
  return { total, pieces: pieces(), close: () => { if (!answer.complete) answer.destroy(); } };
}

function totalOf(answer: IncomingMessage): number {
  const text = answer.statusCode === 206 ? /^bytes \d+-\d+\/(\d+)$/.exec(answer.headers['content-range'] ?? '')?.[1] : answer.headers['content-length'];
  if (text === undefined || !/^\d+$/.test(text)) {
    answer.destroy();
    throw new Refused(answer.statusCode ?? 0, '"no length"');
  }
  return Number(text);
}
