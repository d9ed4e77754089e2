#!/usr/bin/env node
/** srdit-runtime: what runs in a container. `worker` starts the ranks of a pod, `rank` is one of them. */
const [command] = process.argv.slice(2);
switch (command) {
  case 'worker': {
    const { runWorker } = await import('./worker.ts');
    process.exit(await runWorker(process.env));
    break;
  }
  case 'rank': {
    const { runRank } = await import('./rank.ts');
    process.exit(await runRank(process.env));
    break;
  }
  default:
    process.stderr.write(`Cannot run ${command === undefined ? 'nothing' : `"${command}"`}: the commands are worker and rank. Say \`srdit-runtime worker\`\n`);
    process.exit(64);
}
