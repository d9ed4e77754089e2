import { StorageError } from '../storage.ts';

export interface Endpoint {
  readonly origin: URL;
  /** No credentials are sent. */
  readonly anonymous: boolean;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** The second is gcloud's own name; a pod of a resource can have only that one, since names that begin with SRDIT_ are taken there. */
const OVERRIDES = ['SRDIT_GCS_ENDPOINT', 'CLOUDSDK_API_ENDPOINT_OVERRIDES_STORAGE'];

/** Where Cloud Storage is: an override, else STORAGE_EMULATOR_HOST, the name that Google's clients know, else Google. An emulator gets no
 *  credentials, and neither does anything without TLS: a token in clear text is everybody's. Throws StorageError BadUri. */
export function endpointOf(environment: Environment): Endpoint {
  for (const name of OVERRIDES) {
    const value = environment[name] ?? '';
    if (value === '') continue;
    const origin = parse(name, value);
    return { origin, anonymous: origin.protocol === 'http:' };
  }
  const emulator = environment['STORAGE_EMULATOR_HOST'] ?? '';
  if (emulator !== '') return { origin: parse('STORAGE_EMULATOR_HOST', /^https?:\/\//.test(emulator) ? emulator : `http://${emulator}`), anonymous: true };
  return { origin: new URL('https://storage.googleapis.com'), anonymous: false };
}

function parse(name: string, value: string): URL {
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
    throw new StorageError('BadUri', `Cannot use ${name} ${JSON.stringify(value)}: it is no address of a server. Set it to one such as "http://127.0.0.1:4443", or remove it`);
  }
  return new URL(url.origin);
}
