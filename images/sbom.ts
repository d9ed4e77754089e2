/** What an image is made of, as CycloneDX 1.6. */
import { createHash } from 'node:crypto';
import type { Library } from './libraries.ts';
import type { Locked } from './node-modules.ts';

export interface Wheel { readonly name: string; readonly version: string; readonly sha256: string }

export interface Parts {
  readonly image: string;
  readonly version: string;
  readonly node: string;
  readonly packages: readonly Locked[];
  readonly libraries: readonly Library[];
  readonly wheels: readonly Wheel[];
}

/** The same parts give the same bytes: no times, and the serial number is made from the parts. */
export function sbom({ image, version, node, packages, libraries, wheels }: Parts): string {
  const debian = new Map(libraries.flatMap((library): [string, string][] => (library.package === undefined ? [] : [[library.package, library.version ?? '']])));
  const components = [
    { type: 'application', name: 'node', version: node, purl: `pkg:generic/node@${node}`, licenses: [{ license: { id: 'MIT' } }] },
    ...[...debian].sort().map(([name, of]) => ({ type: 'library', name, version: of, purl: `pkg:deb/debian/${name}@${encodeURIComponent(of)}?arch=amd64` })),
    ...wheels.map((wheel) => ({
      type: 'library', name: wheel.name, version: wheel.version, purl: `pkg:pypi/${wheel.name}@${wheel.version}`, hashes: [{ alg: 'SHA-256', content: wheel.sha256 }],
    })),
    ...packages.map(({ place, name, version: of, license, integrity }) => ({
      type: 'library', 'bom-ref': place, name, version: of, purl: `pkg:npm/${name.replace('@', '%40')}@${of}`,
      ...(license === undefined ? {} : { licenses: [/ (OR|AND) /.test(license) ? { expression: license } : { license: { name: license } }] }),
      ...(integrity?.startsWith('sha512-') === true ? { hashes: [{ alg: 'SHA-512', content: Buffer.from(integrity.slice(7), 'base64').toString('hex') }] } : {}),
    })),
  ];
  const hash = createHash('sha256').update(JSON.stringify([image, version, components])).digest('hex');
  const uuid = `${hash.slice(0, 8)}-${hash.slice(8, 12)}-8${hash.slice(13, 16)}-a${hash.slice(17, 20)}-${hash.slice(20, 32)}`;
  return `${JSON.stringify({
    bomFormat: 'CycloneDX', specVersion: '1.6', serialNumber: `urn:uuid:${uuid}`, version: 1,
    metadata: { component: { type: 'container', name: image, version } }, components,
  }, null, 1)}\n`;
}
