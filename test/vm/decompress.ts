import { zstdDecompressSync } from 'node:zlib'
import { execa } from 'execa'

const xz = Buffer.from('fd377a585a00', 'hex')
const zstd = Buffer.from('28b52ffd', 'hex')

/** The content, by the magic number in front; bytes in no format known here come back as they are. */
export async function decompress(bytes: Buffer): Promise<Buffer> {
  if (startsWith(bytes, zstd)) return zstdDecompressSync(bytes)
  if (!startsWith(bytes, xz)) return bytes
  // Node has every format but this one.
  const { stdout } = await execa('xz', ['--decompress', '--stdout', '--single-stream'], {
    input: bytes,
    encoding: 'buffer',
    maxBuffer: 2 ** 30,
  })
  return Buffer.from(stdout)
}

function startsWith(bytes: Buffer, magic: Buffer): boolean {
  return bytes.subarray(0, magic.length).equals(magic)
}
