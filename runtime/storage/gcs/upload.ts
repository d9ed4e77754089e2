import { randomBytes } from 'node:crypto';
import * as z from 'zod';
import { textOf } from './http.ts';
import { Passing, type Tries } from './patience.ts';
import { parseAnswer, Refused, type Api } from './api.ts';

/** Cloud Storage wants multiples of 256 KiB; a part costs one round trip of some 50 ms. */
export const PART_BYTES = 1 << 24;

const Written = z.object({ size: z.string(), crc32c: z.string() });

/** Creates an object in one request, checked by the server before anybody can see it. ifAbsent: Refused with status 412 if there is one. */
export async function putWhole(api: Api, name: string, data: Uint8Array, crc32c: string, ifAbsent: boolean, tries: Tries): Promise<void> {
  const boundary = `srdit-${randomBytes(12).toString('hex')}`;
  const head = `--${boundary}\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n${JSON.stringify({ name, crc32c })}\r\n--${boundary}\r\nContent-Type: application/octet-stream\r\n\r\n`;
  const url = api.url(undefined, { uploadType: 'multipart', name, fields: 'size,crc32c', ifGenerationMatch: ifAbsent ? '0' : undefined }, true);
  const written = await api.json(Written, url, {
    method: 'POST', ok: [200, 201], headers: { 'content-type': `multipart/related; boundary=${boundary}` },
    body: [Buffer.from(head), data, Buffer.from(`\r\n--${boundary}--\r\n`)],
  }, tries);
  compare(written, data.byteLength, crc32c);
}

/** The server has what we sent, or it is told. */
function compare(written: z.infer<typeof Written>, bytes: number, crc32c: string): void {
  if (Number(written.size) === bytes && written.crc32c === crc32c) return;
  throw new Refused(200, `"${written.size} bytes with crc32c ${written.crc32c}" instead of ${bytes} with ${crc32c}`);
}

/** A resumable upload (Cloud Storage, "Resumable uploads"): parts one after the other, each sent again from the byte that the server has
 *  reached. The object appears with the last part, whole and with the right checksum, or not at all. */
export class Session {
  readonly #api: Api;
  readonly #url: URL;
  readonly #tries: Tries;

  private constructor(api: Api, url: URL, tries: Tries) {
    this.#api = api;
    this.#url = url;
    this.#tries = tries;
  }

  static async begin(api: Api, name: string): Promise<Session> {
    const tries = api.tries();
    const { headers } = await api.text(api.url(undefined, { uploadType: 'resumable', name }, true), {
      method: 'POST', ok: [200, 201], headers: { 'content-type': 'application/json' }, body: [Buffer.from(JSON.stringify({ name }))],
    }, tries);
    if (headers.location === undefined) throw new Refused(200, '"no Location for the upload"');
    const { pathname, search } = new URL(headers.location, api.origin);
    tries.progressed();
    // Only ever to the server that was named, whatever its answer says: what we send carries a token.
    return new Session(api, new URL(pathname + search, api.origin), tries);
  }

  /** Sends bytes [at, at + part.length) and, if it is the last part, completes the object. crc32c: of the whole object. */
  async put(part: Uint8Array, at: number, end?: { readonly crc32c: string }): Promise<void> {
    const until = at + part.byteLength;
    let reached = at;
    // Whether some part of a try may have arrived, so that the server has to be asked how far it has come.
    let ask = false;
    while (true) {
      try {
        const answer = ask ? await this.#send(undefined, 0, until, end) : await this.#send(part.subarray(reached - at), reached, until, end);
        if (answer.complete !== undefined) {
          // Only the last part may complete it; an emulator that takes the question for the end is found out here.
          if (end === undefined) throw new Refused(200, '"complete" before the last part was sent');
          return compare(parseAnswer(Written, answer.complete), until, end.crc32c);
        }
        if (answer.reached < at || answer.reached > until) throw new Refused(308, `"${answer.reached} bytes reached" between ${at} and ${until}`);
        if (answer.reached > reached) this.#tries.progressed();
        reached = answer.reached;
        ask = reached === until && end !== undefined;
        if (reached === until && end === undefined) return;
        if (ask) await this.#tries.again(new Passing('the server has every byte but does not complete the object'));
      } catch (error) {
        await this.#tries.again(error);
        ask ||= (error as Passing).reached;
      }
    }
  }

  /** Lets the server forget what it has. It forgets by itself after a week, so that failing does no harm. */
  async abandon(): Promise<void> {
    await this.#api.once(this.#url, { method: 'DELETE', ok: [200, 204, 404, 410, 499] }).then((answer) => textOf(answer), () => undefined);
  }

  async #send(bytes: Uint8Array | undefined, from: number, until: number, end?: { readonly crc32c: string }): Promise<{ complete?: string; reached: number }> {
    const range = bytes === undefined || bytes.byteLength === 0 ? '*' : `${from}-${until - 1}`;
    const answer = await this.#api.once(this.#url, {
      method: 'PUT', ok: [200, 201, 308], body: bytes === undefined ? [] : [bytes],
      headers: { 'content-range': `bytes ${range}/${end === undefined ? '*' : until}`, ...(end !== undefined && { 'x-goog-hash': `crc32c=${end.crc32c}` }) },
    });
    const text = await textOf(answer);
    if (answer.statusCode !== 308) return { complete: text, reached: until };
    const last = /^bytes=0-(\d+)$/.exec(answer.headers.range ?? '')?.[1];
    return { reached: last === undefined ? 0 : Number(last) + 1 };
  }
}
