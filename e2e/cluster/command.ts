import { spawn } from 'node:child_process';

export interface CommandResult { readonly code: number; readonly stdout: string; readonly stderr: string }

export interface CommandOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly input?: string;
  /** Kills the command after so long; default 120. */
  readonly seconds?: number;
}

/** A command that ended otherwise than it should. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly result: CommandResult;
  constructor(command: readonly string[], result: CommandResult) {
    super(`\`${command.join(' ')}\` ended with ${result.code}: ${(result.stderr.trim() || result.stdout.trim()).slice(-2000)}`);
    this.result = result;
  }
}

/** Runs a command to its end, whatever that is. A signal's exit code is 128 + 9 here: it was killed. */
export function attempt(command: string, args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: options.cwd, env: options.env ?? process.env });
    // Not spawn's own timeout: its timer outlives a program that is not there, and keeps this process from ending.
    const late = setTimeout(() => { child.kill('SIGKILL'); }, (options.seconds ?? 120) * 1000);
    let stdout = '', stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => { stdout += text; });
    child.stderr.setEncoding('utf8').on('data', (text: string) => { stderr += text; });
    child.once('error', (error) => {
      clearTimeout(late);
      reject(error);
    });
    child.once('close', (code) => {
      clearTimeout(late);
      resolve({ code: code ?? 137, stdout, stderr });
    });
    // Who does not read to the end is told by its exit code, not by our broken pipe.
    child.stdin.on('error', () => {}).end(options.input ?? '');
  });
}

/** Runs a command that is to succeed; gives what it printed.
 *  @throws CommandError */
export async function command(name: string, args: readonly string[], options: CommandOptions = {}): Promise<string> {
  const result = await attempt(name, args, options);
  if (result.code !== 0) throw new CommandError([name, ...args], result);
  return result.stdout;
}
