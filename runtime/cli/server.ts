import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ProgressReport } from '@srdit/crds';
import type { Progress } from './context.ts';

/** What GET /progress and /metrics answer; only ever replaced as a whole. */
export class ProgressBoard {
  #report: ProgressReport;

  constructor(run: { readonly uid: string; readonly attempt: number; readonly of: number }) {
    this.#report = { uid: run.uid, attempt: run.attempt, phase: 'Joining', time: new Date().toISOString(), step: 0, of: run.of };
  }

  update(progress: Progress): void {
    const said = Object.fromEntries(Object.entries(progress).filter(([, value]) => value !== undefined));
    this.#report = { ...this.#report, ...said, time: new Date().toISOString() };
  }

  /** What the last word repeats, since nobody may have asked after the last step. */
  get summary(): Pick<ProgressReport, 'loss' | 'lossEma' | 'samples'> {
    const { loss, lossEma, samples } = this.report;
    return { ...(loss !== undefined && { loss }), ...(lossEma !== undefined && { lossEma }), ...(samples !== undefined && { samples }) };
  }

  /** As JSON takes it: numbers that are not finite are left out. */
  get report(): ProgressReport {
    return Object.fromEntries(Object.entries(this.#report).filter(([, value]) => typeof value !== 'number' || Number.isFinite(value))) as ProgressReport;
  }
}

const GAUGES: readonly (readonly [keyof ProgressReport, string, string])[] = [
  ['step', 'srdit_step', 'Optimizer steps done, or pictures drawn'],
  ['of', 'srdit_steps', 'Optimizer steps, or pictures, in all'],
  ['loss', 'srdit_loss', 'Training loss'],
  ['lossEma', 'srdit_loss_smoothed', 'Smoothed training loss'],
  ['gradNorm', 'srdit_gradient_norm', 'L2 norm of the gradients before clipping'],
  ['imagesPerSecond', 'srdit_images_per_second', 'Pictures a second over all ranks'],
  ['etaSeconds', 'srdit_eta_seconds', 'Seconds to the end at the present rate'],
  ['attempt', 'srdit_attempt', 'Attempt of the gang'],
];

/** Prometheus text format 0.0.4. */
export function prometheus(report: ProgressReport): string {
  const gauges = GAUGES.flatMap(([field, name, help]) => {
    const value = report[field];
    return typeof value === 'number' ? [`# HELP ${name} ${help}`, `# TYPE ${name} gauge`, `${name} ${value}`] : [];
  });
  const last = report.checkpoints?.[0];
  const checkpoint = last === undefined ? [] : ['# HELP srdit_checkpoint_step Step of the newest checkpoint', '# TYPE srdit_checkpoint_step gauge', `srdit_checkpoint_step ${last.step}`];
  return `${[...gauges, ...checkpoint].join('\n')}\n`;
}

/** GET /progress (ProgressReport), /metrics (Prometheus) and /healthz. Steps run off the event loop, so it answers while
 *  one runs. Port 0 takes a free one. */
export async function serveProgress(board: ProgressBoard, host: string, port: number): Promise<AsyncDisposable & { readonly port: number }> {
  const server = createServer((request, response) => { answer(board, request.method, request.url, response); });
  server.requestTimeout = 5000;
  await new Promise<void>((resolve, reject) => { server.once('error', reject).listen(port, host, resolve); });
  // The run decides how long the process lives.
  server.unref();
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => {
      server.close(() => { resolve(); });
      server.closeAllConnections();
    }),
  };
}

function answer(board: ProgressBoard, method: string | undefined, url: string | undefined, response: ServerResponse): void {
  const send = (status: number, type: string, body: string): void => {
    response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' }).end(method === 'HEAD' ? undefined : body);
  };
  if (method !== 'GET' && method !== 'HEAD') { send(405, 'text/plain', 'Only GET is answered\n'); return; }
  switch (url?.split('?', 1)[0]) {
    case '/progress': send(200, 'application/json', JSON.stringify(board.report)); return;
    case '/metrics': send(200, 'text/plain; version=0.0.4', prometheus(board.report)); return;
    case '/healthz': send(200, 'text/plain', 'ok\n'); return;
    default: send(404, 'text/plain', 'Ask for /progress, /metrics or /healthz\n');
  }
}
