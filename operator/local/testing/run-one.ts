/** An executor in a process of its own, for a test to kill. Arguments: root folder, runtime script, resource as JSON. */
import { parseResource } from '@srdit/crds/parse';
import { silentDisplay } from '../display.ts';
import { runResource } from '../executor.ts';
import { layout } from '../files.ts';
import { isolation } from '../namespace.ts';

const [root = '', runtime = '', resource = ''] = process.argv.slice(2);
await runResource(parseResource(JSON.parse(resource)), {
  layout: layout(root), runtime: [process.execPath, runtime], isolation: isolation(undefined), display: silentDisplay, verbose: false,
  wish: { stop: new AbortController().signal, kill: new AbortController().signal }, pollMilliseconds: 100,
});
