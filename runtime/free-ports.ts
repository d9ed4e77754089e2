import { createServer, type AddressInfo, type Server } from 'node:net';

/** TCP ports of 127.0.0.1 that were free a moment ago, for programs that must be told theirs before they start. All are held
 *  until the last is found, so that none comes twice. Rejects with the system's error where there are none left. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(Array.from({ length: count }, listening));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => { server.close(resolve); })));
  return ports;
}

/** One of them. */
export async function freePort(): Promise<number> {
  return (await freePorts(1))[0] as number;
}

function listening(): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => { resolve(server); });
  });
}
