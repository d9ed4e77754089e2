/** As much of Cloud Storage as a checkpoint needs, in memory and without checksums of its own: shows what our side of gs:// can do where the
 *  server is no limit. A worker thread; posts its port. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { parentPort } from 'node:worker_threads';

interface Stored { readonly pieces: Buffer[]; bytes: number; crc32c: string }
const objects = new Map<string, Stored>();
const uploads = new Map<string, { readonly name: string; readonly stored: Stored }>();

async function take(request: IncomingMessage, into: Stored): Promise<void> {
  for await (const piece of request) {
    into.pieces.push(piece as Buffer);
    into.bytes += (piece as Buffer).length;
  }
}

function json(response: ServerResponse, value: unknown, headers: Record<string, string> = {}, status = 200): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(value));
}
const shown = (name: string, { bytes, crc32c }: Stored): object => ({ name, size: String(bytes), crc32c });

async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://bucket');
  const query = url.searchParams;
  const name = query.get('name') ?? decodeURIComponent(/\/o\/(.+)$/.exec(url.pathname)?.[1] ?? '');
  const upload = uploads.get(query.get('upload_id') ?? '');
  if (upload !== undefined) {
    await take(request, upload.stored);
    if ((request.headers['content-range'] ?? '').endsWith('/*')) {
      response.writeHead(308, { range: `bytes=0-${upload.stored.bytes - 1}` }).end();
      return;
    }
    upload.stored.crc32c = String(request.headers['x-goog-hash']).replace('crc32c=', '');
    objects.set(upload.name, upload.stored);
    json(response, shown(upload.name, upload.stored));
    return;
  }
  if (request.method === 'POST') {
    const body: Stored = { pieces: [], bytes: 0, crc32c: '' };
    await take(request, body);
    if (query.get('uploadType') === 'resumable') {
      const id = String(uploads.size);
      uploads.set(id, { name, stored: { pieces: [], bytes: 0, crc32c: '' } });
      json(response, {}, { location: `/upload?upload_id=${id}` });
      return;
    }
    // multipart/related: what it says of the object, then its bytes, then the boundary.
    const whole = Buffer.concat(body.pieces);
    const boundary = whole.subarray(0, whole.indexOf('\r\n')).toString();
    const crc32c = /"crc32c":"([^"]+)"/.exec(whole.subarray(0, 2000).toString())?.[1] ?? '';
    const start = whole.indexOf('\r\n\r\n', whole.indexOf(boundary, boundary.length)) + 4;
    const bytes = whole.subarray(start, whole.lastIndexOf(`\r\n${boundary}--`));
    objects.set(name, { pieces: [bytes], bytes: bytes.length, crc32c });
    json(response, { size: String(bytes.length), crc32c });
    return;
  }
  if (name === '') {
    const prefix = query.get('prefix') ?? '';
    json(response, { items: [...objects].filter(([key]) => key.startsWith(prefix)).map(([key, stored]) => shown(key, stored)) });
    return;
  }
  const stored = objects.get(name);
  if (stored === undefined) return json(response, { error: { message: 'No such object' } }, {}, 404);
  if (query.get('alt') !== 'media') return json(response, shown(name, stored));
  response.writeHead(200, { 'content-length': String(stored.bytes), 'x-goog-generation': '1' });
  for (const piece of stored.pieces) if (!response.write(piece)) await new Promise((resolve) => response.once('drain', resolve));
  response.end();
}

const server = createServer((request, response) => { serve(request, response).catch((error: unknown) => { response.destroy(error as Error); }); });
server.listen(0, '127.0.0.1', () => { parentPort?.postMessage((server.address() as AddressInfo).port); });
