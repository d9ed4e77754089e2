import { fileURLToPath } from 'node:url';
import { relative } from 'node:path';

/** A frame belongs to the traced code when it is neither a library's nor the engine's own (its tests excepted). */
function isTraced(file: string): boolean {
  return !file.startsWith('node:') && !file.includes('/node_modules/') && (!file.startsWith(import.meta.dirname) || file.endsWith('.test.ts'));
}

const pathOf = (file: string): string => (file.startsWith('file:') ? fileURLToPath(file) : file);
const label = (file: string, line: number, column: number): string => `${relative(process.cwd(), file)}:${line}:${column}`;

/** Deep enough to pass through tfjs from a kernel to its caller. */
const DEPTH = 60;

function firstTracedFrame(_error: Error, frames: NodeJS.CallSite[]): string {
  for (const frame of frames) {
    const file = frame.getFileName();
    if (file === null || file === undefined) continue;
    const path = pathOf(file);
    if (isTraced(path)) return label(path, frame.getLineNumber() ?? 0, frame.getColumnNumber() ?? 0);
  }
  return '';
}

/** "file:line:column" of the innermost frame of traced code, "" if there is none. Called once per traced op. */
export function callSite(): string {
  const { stackTraceLimit } = Error;
  const before = Object.getOwnPropertyDescriptor(Error, 'prepareStackTrace');
  Error.prepareStackTrace = firstTracedFrame;
  Error.stackTraceLimit = DEPTH;
  const holder: { stack?: unknown } = {};
  Error.captureStackTrace(holder, callSite);
  const site = holder.stack;
  if (before === undefined) Reflect.deleteProperty(Error, 'prepareStackTrace');
  else Object.defineProperty(Error, 'prepareStackTrace', before);
  Error.stackTraceLimit = stackTraceLimit;
  return typeof site === 'string' ? site : '';
}

/** The same of an error that traced code threw, from the text of its stack. */
export function callSiteOf(error: unknown): string {
  if (!(error instanceof Error) || error.stack === undefined) return '';
  for (const line of error.stack.split('\n')) {
    const match = /(?:\(|at )((?:file:|\/)[^()]*):(\d+):(\d+)\)?$/.exec(line);
    if (match === null) continue;
    const path = pathOf(match[1] ?? '');
    if (isTraced(path)) return label(path, Number(match[2]), Number(match[3]));
  }
  return '';
}
