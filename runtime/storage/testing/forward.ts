import { request as send, type IncomingMessage } from 'node:http';

export interface Answer { readonly status: number; readonly headers: Record<string, string | string[]>; readonly body: Buffer }

/** Sends a request on and reads the whole answer. */
export function forward(url: URL, method: string, headers: IncomingMessage['headers'], body: Buffer): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { connection: _connection, 'content-length': _length, 'transfer-encoding': _encoding, ...rest } = headers;
    const request = send(url, { method, headers: { ...rest, 'content-length': String(body.length), connection: 'close' } }, (answer) => {
      const pieces: Buffer[] = [];
      answer.on('data', (piece: Buffer) => pieces.push(piece)).on('error', reject).on('end', () => {
        const { connection: _close, 'transfer-encoding': _chunked, ...kept } = answer.headers;
        const whole = Buffer.concat(pieces);
        resolve({ status: answer.statusCode ?? 0, headers: { ...kept as Record<string, string | string[]>, 'content-length': String(whole.length) }, body: whole });
      });
    });
    request.on('error', reject).end(body);
  });
}
