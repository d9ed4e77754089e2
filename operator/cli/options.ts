import { Option } from 'commander';

/** -f may come more than once, and take several files. */
export const files = (what: string): Option => new Option('-f, --filename <file...>', what);
export const root = (): Option => new Option('--root <folder>', 'where state, logs and file:// storage lie').default('.srdit');
export const namespace = (): Option => new Option('-n, --namespace <name>', 'namespace').default('default');
