/** One of several processes that want the same attempts and objects: URI NAME COUNT. Waits for a line on its standard input, then prints which it got. */
import { once } from 'node:events';
import { openStorage } from '../storage/open.ts';
import { ExitError } from '../cli/exit.ts';
import { claimAttempt } from './claim.ts';
import { identity } from './testing.ts';

const [uri = '', name = '', count = '0'] = process.argv.slice(2);
const storage = openStorage(uri);
process.stdout.write('ready\n');
await once(process.stdin, 'data');
process.stdin.destroy();
const objects: number[] = [];
for (let i = 0; i < Number(count); i++) {
  if (await storage.createIfAbsent(`race/${i}`, new TextEncoder().encode(name))) objects.push(i);
}
const attempts: number[] = [];
for (let attempt = 1; attempt <= 5; attempt++) {
  try {
    await claimAttempt(storage, identity(attempt));
    attempts.push(attempt);
  } catch (error) {
    if (!(error instanceof ExitError) || error.exitCode !== 75) throw error;
  }
}
process.stdout.write(`${JSON.stringify({ objects, attempts })}\n`);
