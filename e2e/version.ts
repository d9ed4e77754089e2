import { readFileSync } from 'node:fs';

/** Version of the project, hence the tag of its images. */
export const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string };
