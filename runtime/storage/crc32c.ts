/** Tables of CRC-32C (Castagnoli, reflected polynomial 0x82F63B78; zlib's crc32 is another), for eight bytes at a time:
 *  TABLES[k][b] is the remainder of byte b followed by k zero bytes. */
const TABLES: readonly Uint32Array[] = makeTables();

function makeTables(): Uint32Array[] {
  const first = Uint32Array.from({ length: 256 }, (_, byte) => {
    let value = byte;
    for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0x82f63b78 : value >>> 1;
    return value;
  });
  const tables = [first];
  for (let k = 1; k < 8; k++) tables.push((tables[k - 1] as Uint32Array).map((value) => (value >>> 8) ^ (first[value & 0xff] as number)));
  return tables;
}

/** CRC-32C of what had the CRC `before`, followed by bytes. */
export function crc32c(bytes: Uint8Array, before = 0): number {
  const [t0, t1, t2, t3, t4, t5, t6, t7] = TABLES as [Uint32Array, Uint32Array, Uint32Array, Uint32Array, Uint32Array, Uint32Array, Uint32Array, Uint32Array];
  const at = (table: Uint32Array, index: number): number => table[index] as number;
  let crc = ~before;
  let i = 0;
  // Words can be taken only where they are aligned.
  const lead = Math.min(bytes.length, (4 - (bytes.byteOffset & 3)) & 3);
  for (; i < lead; i++) crc = at(t0, (crc ^ (bytes[i] as number)) & 0xff) ^ (crc >>> 8);
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset + i, (bytes.length - i) >>> 2);
  const pairs = words.length & ~1;
  for (let w = 0; w < pairs; w += 2) {
    const low = crc ^ (words[w] as number);
    const high = words[w + 1] as number;
    crc = at(t7, low & 0xff) ^ at(t6, (low >>> 8) & 0xff) ^ at(t5, (low >>> 16) & 0xff) ^ at(t4, low >>> 24)
      ^ at(t3, high & 0xff) ^ at(t2, (high >>> 8) & 0xff) ^ at(t1, (high >>> 16) & 0xff) ^ at(t0, high >>> 24);
  }
  for (i += pairs * 4; i < bytes.length; i++) crc = at(t0, (crc ^ (bytes[i] as number)) & 0xff) ^ (crc >>> 8);
  return ~crc >>> 0;
}

/** As Cloud Storage writes it: base64 of the four bytes, most significant first. */
export function crc32cText(crc: number): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(crc);
  return bytes.toString('base64');
}
