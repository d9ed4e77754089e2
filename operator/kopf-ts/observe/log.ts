/** Structured logs: a sentence and its fields, as one JSON object a line or as text. */
import type { Clock } from '../clock.ts';
import { systemClock } from '../clock.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';
export type Fields = Readonly<Record<string, unknown>>;

export interface Logger {
  debug(message: string, fields?: Fields): void;
  info(message: string, fields?: Fields): void;
  warn(message: string, fields?: Fields): void;
  error(message: string, fields?: Fields): void;
  /** A logger that says these fields, too. */
  with(fields: Fields): Logger;
}

export interface LogOptions {
  readonly format?: 'json' | 'text';
  /** Nothing below it is written. Default info. */
  readonly level?: LogLevel;
  readonly clock?: Clock;
  /** Takes each line, without its end. Default: standard error. */
  readonly write?: (line: string) => void;
}

const LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error'];

export function createLogger(options: LogOptions = {}): Logger {
  const { format = 'json', level = 'info', clock = systemClock, write = (line: string) => { process.stderr.write(`${line}\n`); } } = options;
  const least = LEVELS.indexOf(level);
  const logger = (context: Fields): Logger => {
    const say = (at: LogLevel) => (message: string, fields: Fields = {}): void => {
      if (LEVELS.indexOf(at) < least) return;
      const all = { ...context, ...fields };
      write(format === 'json' ? jsonLine(at, clock.now(), message, all) : textLine(at, clock.now(), message, all));
    };
    return { debug: say('debug'), info: say('info'), warn: say('warn'), error: say('error'), with: (fields) => logger({ ...context, ...fields }) };
  };
  return logger({});
}

/** Says nothing. */
export const nullLogger: Logger = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined, with: () => nullLogger };

/** Errors as data: message, stack (where nobody expected them) and the chain of causes. */
function plain(value: unknown, ofExpected = false): unknown {
  if (!(value instanceof Error)) return value;
  // What the API server or the network answers is expected, whatever it is made of: a stack would only be noise.
  const expected = ofExpected || ['ApiError', 'ConnectionError', 'NotLeaderError', 'TemporaryError', 'PermanentError'].includes(value.name);
  return { name: value.name, message: value.message, ...(expected ? {} : { stack: value.stack }), ...(value.cause === undefined ? {} : { cause: plain(value.cause, expected) }) };
}

function jsonLine(level: LogLevel, now: number, message: string, fields: Fields): string {
  const values = Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, plain(value)]));
  return JSON.stringify({ time: new Date(now).toISOString(), level, message, ...values });
}

function textLine(level: LogLevel, now: number, message: string, fields: Fields): string {
  const values = Object.entries(fields).map(([name, value]) => `${name}=${value instanceof Error ? JSON.stringify(value.message) : typeof value === 'string' ? value : JSON.stringify(value)}`);
  return [new Date(now).toISOString().slice(11, 23), level.toUpperCase().padEnd(5), message, ...values].join(' ');
}
