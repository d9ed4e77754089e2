export type Level = 'info' | 'warn' | 'error';
export type Fields = Readonly<Record<string, string | number | boolean | undefined>>;

/** Log of one process. Messages are sentences; fields are for programs. */
export interface Log {
  info(message: string, fields?: Fields): void;
  warn(message: string, fields?: Fields): void;
  error(message: string, fields?: Fields): void;
}

export type LogFormat = 'text' | 'json';

/** One line of log. json: an object a line, for collectors in a cluster; text: for a person at a terminal. */
export function logLine(format: LogFormat, time: Date, level: Level, message: string, fields: Fields): string {
  if (format === 'json') return JSON.stringify({ time: time.toISOString(), level, message, ...fields });
  const clock = time.toISOString().slice(11, 19);
  // The fields repeat what the sentence says, so a person is spared them.
  return `${clock} ${level === 'info' ? '' : `${level}: `}${message}`;
}

/** Log to stdout, line by line. `base` goes into every JSON line (rank, attempt). */
export function createLog(format: LogFormat, base: Fields = {}, write: (line: string) => void = (line) => { process.stdout.write(`${line}\n`); }): Log {
  const at = (level: Level) => (message: string, fields: Fields = {}): void => write(logLine(format, new Date(), level, message, { ...base, ...fields }));
  return { info: at('info'), warn: at('warn'), error: at('error') };
}
