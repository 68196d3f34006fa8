import { spawn } from 'node:child_process'
import { createHash, type Hash } from 'node:crypto'
import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { rename } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { ImageError } from './image-error.ts'

export interface Layer {
  /** `sha256:…` of the archive, as it is stored. */
  readonly digest: string
  /** Bytes of it. */
  readonly size: number
  /** `sha256:…` of what it unpacks to. */
  readonly diffId: string
  /** Bytes of that. */
  readonly unpackedSize: number
}

/** In which nothing tells when, where or by whom the archive was made. */
const tar = [
  ...['--create', '--sort=name', '--format=gnu', '--mtime=@0', '--owner=0', '--group=0', '--numeric-owner'],
  // Special bits are lost where somebody else than root unpacks packages.
  ...['--mode=u+rwX,go+rX,go-w,a-st', '--file=-'],
]

/**
 * Packs a folder as a layer, among an image's blobs. The same files make the same bytes: gzip is the system's, since
 * Node.js's own finds other matches on other processors.
 */
export async function writeLayer(folder: string, blobs: string): Promise<Layer> {
  const archive = spawn('tar', [...tar, `--directory=${folder}`, '.'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const gzip = spawn('gzip', ['-n', '-9'], { stdio: ['pipe', 'pipe', 'inherit'] })
  const plain = measured(archive.stdout)
  const packed = measured(gzip.stdout)
  const made = join(blobs, `layer-${process.pid}`)
  const ends = [archive, gzip].map(async (child) => {
    const [code] = await once(child, 'close')
    if (code !== 0) throw new ImageError('IMAGE_TOOL', `${child.spawnfile} of ${folder} ended with ${code}`)
  })
  await Promise.all([
    pipeline(plain.stream, gzip.stdin),
    pipeline(packed.stream, createWriteStream(made)),
    ...ends,
  ])
  const hex = packed.hash.digest('hex')
  await rename(made, join(blobs, hex))
  return {
    digest: `sha256:${hex}`,
    size: packed.size(),
    diffId: `sha256:${plain.hash.digest('hex')}`,
    unpackedSize: plain.size(),
  }
}

function measured(source: Readable): {
  readonly stream: Readable
  readonly hash: Hash
  readonly size: () => number
} {
  const hash = createHash('sha256')
  let size = 0
  const stream = source.pipe(
    new Transform({
      transform(chunk: Buffer, _encoding, done) {
        hash.update(chunk)
        size += chunk.length
        done(null, chunk)
      },
    }),
  )
  return { stream, hash, size: () => size }
}
