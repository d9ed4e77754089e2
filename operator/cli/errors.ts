/** Errors whose message is a whole sentence for the user, with their exit code. By name: importing their classes would
 *  load half the program for a line of text. */
const KNOWN: Readonly<Record<string, number>> = {
  ResourceError: 64, InputError: 64, RunError: 64, DataError: 64, ConvertError: 64, FixtureError: 64, SafetensorsError: 64, StorageError: 64, CheckpointError: 64,
  EvaluateError: 64, PictureError: 64, ModelConfigError: 64, MissingError: 69,
};

/** Bad input, and problems with files that a person can mend. */
export class InputError extends Error { override readonly name = 'InputError'; }

/** Something that the machine lacks and that we cannot bring, the network for example; ./srdit itself ends so, too. */
export class MissingError extends Error { override readonly name = 'MissingError'; }

const FILE_PROBLEMS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file', EACCES: 'permission is missing', EPERM: 'permission is missing', EISDIR: 'it is a folder', ENOTDIR: 'a part of the path is no folder',
  ENOSPC: 'the disk is full', EROFS: 'the file system is read-only',
};

/** What to say of an error, and the exit code. */
export function explain(error: unknown): { readonly text: string; readonly exitCode: number } {
  if (!(error instanceof Error)) return { text: String(error), exitCode: 1 };
  const { code, path, exitCode } = error as NodeJS.ErrnoException & { exitCode?: unknown };
  if (error.name === 'RunError' && code === 'InUse') return { text: error.message, exitCode: 75 };
  const known = KNOWN[error.name];
  if (known !== undefined) return { text: error.message, exitCode: known };
  if (error.name === 'ExitError' && typeof exitCode === 'number') return { text: error.message, exitCode };
  const problem = FILE_PROBLEMS[code ?? ''];
  if (problem !== undefined && path !== undefined) return { text: `Cannot use "${path}": ${problem}. Check the path, or give another`, exitCode: 64 };
  return { text: error.stack ?? error.message, exitCode: 1 };
}
