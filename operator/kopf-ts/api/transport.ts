/** One HTTP exchange with the API server: over the network (connection.ts), or with a fake server in the same process (testing/). */

export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Path and query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly signal: AbortSignal;
}

/** Exactly one of bytes() and chunks() is called, once. */
export interface HttpResponse {
  readonly status: number;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  bytes(): Promise<Buffer>;
  chunks(): AsyncIterable<Uint8Array>;
}

export interface Transport {
  /** The server's name in metrics and logs. */
  readonly host: string;
  /** Rejects when no answer came, and when the signal is aborted; so do bytes() and chunks(). */
  send(request: HttpRequest): Promise<HttpResponse>;
  /** The server did not know us: read the credentials again. */
  renewCredentials(): Promise<void>;
  close(): Promise<void>;
}
