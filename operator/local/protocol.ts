/** What the executor tells the gang's host process, and what it hears from it (Node's IPC, JSON). */
export type ToHost =
  | { readonly type: 'start'; readonly worker: number; readonly argv: readonly string[]; readonly env: Readonly<Record<string, string>>; readonly log: string; readonly lines: boolean }
  | { readonly type: 'signal'; readonly worker: number; readonly signal: 'SIGTERM' | 'SIGKILL' }
  | { readonly type: 'ask'; readonly port: number };

export type FromHost =
  | { readonly type: 'ready'; readonly ports: readonly number[] }
  | { readonly type: 'started'; readonly worker: number; readonly pid: number }
  | { readonly type: 'ended'; readonly worker: number; readonly exitCode: number }
  | { readonly type: 'line'; readonly worker: number; readonly line: string }
  | { readonly type: 'progress'; readonly text: string };
