/** The launcher in a process of its own. Arguments: script of a rank. */
import { runWorker } from '../worker.ts';

process.exit(await runWorker(process.env, process.argv[2]));
