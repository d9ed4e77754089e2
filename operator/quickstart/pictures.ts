import { createHash } from 'node:crypto';
import { execFile } from 'node:child_process';
import { cp, mkdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';

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

/** Brings the pinned package into the cache and lays its pictures out as one folder a category. Returns that folder.
 *  Finished work is recognised by its name, which a rename gives it last: a run that was killed starts this over. */
export async function bringPictures(pins: string, cache = cacheFolder()): Promise<{ folder: string; pictures: number; categories: number }> {
  const lock = await readFile(join(pins, 'package-lock.json'));
  const home = join(cache, `pictures-${createHash('sha256').update(lock).digest('hex').slice(0, 12)}`);
  const packages = join(home, 'node_modules', 'emoji-datasource-google');
  const done = join(home, 'by-category');
  if (!(await exists(done))) {
    await mkdir(home, { recursive: true });
    for (const file of ['package.json', 'package-lock.json']) await cp(join(pins, file), join(home, file));
    await installPackages(home);
    const draft = `${done}.${process.pid}`;
    await layOut(packages, draft);
    await rename(draft, done).catch(async (error: NodeJS.ErrnoException) => {
      await rm(draft, { recursive: true, force: true });
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error; // another run was first: its pictures are the same
    });
  }
  const pictures = choosePictures(JSON.parse(await readFile(join(packages, 'emoji.json'), 'utf8')));
  return { folder: done, pictures: pictures.length, categories: new Set(pictures.map((picture) => picture.category)).size };
}

async function installPackages(home: string): Promise<void> {
  try {
    await run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: home });
  } catch (cause) {
    const said = (cause as { stderr?: string }).stderr?.trim().split('\n').at(-1) ?? String(cause);
    throw new Error(`Cannot bring the pictures (npm package emoji-datasource-google): ${said}. Connect to a package registry and run the command again`, { cause });
  }
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
