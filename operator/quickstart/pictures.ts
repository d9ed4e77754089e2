import { createHash } from 'node:crypto';
import { execFile } from 'node:child_process';
import { cp, mkdir, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import * as z from 'zod';
import { MissingError } from '../cli/errors.ts';
import { lock } from '../local/lock.ts';

const run = promisify(execFile);

/** What the quickstart needs of emoji.json; the file is not ours, so nothing of it is believed unread. */
const Emoji = z.object({
  image: z.string().regex(/^[0-9a-f]+(-[0-9a-f]+)*\.png$/),
  short_name: z.string().max(100),
  category: z.string().max(50),
  has_img_google: z.boolean(),
});
const EmojiList = z.array(Emoji).max(10_000);

/** Skin tones and hair, which are no pictures of their own. */
const LEFT_OUT = new Set(['Component']);

export interface Picture { readonly file: string; readonly category: string; readonly name: string }

/** Which pictures there are, by category in alphabetical order: the categories are the classes. */
export function choosePictures(emojiJson: unknown): Picture[] {
  return EmojiList.parse(emojiJson)
    .filter((emoji) => emoji.has_img_google && !LEFT_OUT.has(emoji.category))
    .map((emoji) => ({ file: emoji.image, category: folderName(emoji.category), name: emoji.short_name }))
    .sort((a, b) => (a.category === b.category ? (a.file < b.file ? -1 : 1) : a.category < b.category ? -1 : 1));
}

/** "Smileys & Emotion" -> "smileys-emotion". */
function folderName(category: string): string {
  return category.toLowerCase().replace(/[^a-z0-9]+/g, '-').replace(/^-|-$/g, '');
}

export interface Pictures { readonly folder: string; readonly pictures: number; readonly categories: number; readonly brought: boolean }

export interface BringOptions {
  readonly cache?: string;
  readonly signal?: AbortSignal;
  readonly onProgress?: (text: string) => void;
}

/** Brings the pinned package (pins: folder of its package.json and package-lock.json) into the cache and lays its pictures out
 *  as one folder a category. Finished work is recognised by its name, which a rename gives it last: a run that was killed
 *  starts this over. Two that run at once take turns.
 *  @throws MissingError if the package cannot be brought */
export async function bringPictures(pins: string, { cache = cacheFolder(), signal, onProgress = () => undefined }: BringOptions = {}): Promise<Pictures> {
  const pinned = await readFile(join(pins, 'package-lock.json'));
  const home = join(cache, `pictures-${createHash('sha256').update(pinned).digest('hex').slice(0, 12)}`);
  const folder = join(home, 'by-category');
  if (await exists(folder)) return { ...await counted(folder), brought: false };
  using _turn = await turn(join(home, 'lock'), onProgress, signal);
  if (await exists(folder)) return { ...await counted(folder), brought: false }; // another run was first
  for (const name of await readdir(home)) if (name !== 'lock') await rm(join(home, name), { recursive: true, force: true });
  // A place of its own: the npm of a run that was killed may still be at work.
  const install = join(home, `install-${process.pid}`);
  await mkdir(install);
  for (const file of ['package.json', 'package-lock.json']) await cp(join(pins, file), join(install, file));
  const started = Date.now();
  const tick = setInterval(() => { onProgress(`Bringing the npm package emoji-datasource-google, ${Math.round((Date.now() - started) / 1000)} s`); }, 1000);
  try {
    await installPackages(install, cache, signal);
    await layOut(join(install, 'node_modules', 'emoji-datasource-google'), join(install, 'by-category'));
    await rename(join(install, 'by-category'), folder);
  } finally {
    clearInterval(tick);
    await rm(install, { recursive: true, force: true });
  }
  return { ...await counted(folder), brought: true };
}

async function turn(path: string, onProgress: (text: string) => void, signal: AbortSignal | undefined): Promise<Disposable> {
  for (;;) {
    const held = lock(path);
    if (Symbol.dispose in held) return held;
    onProgress(`Process ${held.pid} brings the pictures; waiting for it`);
    await sleep(500, undefined, { ...(signal !== undefined && { signal }) });
  }
}

async function counted(folder: string): Promise<Omit<Pictures, 'brought'>> {
  const categories = await readdir(folder);
  const files = await Promise.all(categories.map((category) => readdir(join(folder, category))));
  return { folder, categories: categories.length, pictures: files.reduce((sum, names) => sum + names.length, 0) };
}

/** npm of the machine, else the one that came with our Node. */
async function installPackages(home: string, cache: string, signal: AbortSignal | undefined): Promise<void> {
  const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error'];
  const options = { cwd: home, env: { ...process.env, npm_config_cache: join(cache, 'npm'), npm_config_update_notifier: 'false' }, ...(signal !== undefined && { signal }) };
  const beside = join(dirname(process.execPath), '../lib/node_modules/npm/bin/npm-cli.js');
  try {
    await run('npm', args, options).catch(async (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT' || !(await exists(beside))) throw error;
      await run(process.execPath, [beside, ...args], options);
    });
  } catch (cause) {
    if ((cause as Error).name === 'AbortError') throw cause;
    throw new MissingError(`Cannot bring the pictures (npm package emoji-datasource-google): ${reasonOf(cause)}. Connect this machine to an npm registry and run the command again`, { cause });
  }
}

/** The line of npm that says most: "npm error network request to ... failed". */
function reasonOf(cause: unknown): string {
  const { stderr, code } = cause as { stderr?: string; code?: unknown };
  if (code === 'ENOENT') return 'there is no npm here';
  const lines = (stderr ?? '').split('\n').map((line) => line.replace(/^npm (error|ERR!) ?/, '').trim())
    .filter((line) => line !== '' && !/^(code|errno|syscall|A complete log|.*\.log$)/.test(line));
  return (lines[0] ?? String(cause)).replace(/\.$/, '');
}

async function layOut(packages: string, folder: string): Promise<void> {
  const pictures = choosePictures(JSON.parse(await readFile(join(packages, 'emoji.json'), 'utf8')));
  for (const category of new Set(pictures.map((picture) => picture.category))) await mkdir(join(folder, category), { recursive: true });
  for (const { file, category } of pictures) await cp(join(packages, 'img', 'google', '64', file), join(folder, category, file));
}

function cacheFolder(): string {
  return process.env['SRDIT_CACHE'] ?? join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'srdit');
}

const exists = (path: string): Promise<boolean> => stat(path).then(() => true, () => false);
