import { Readable } from 'node:stream'
import { createGzip } from 'node:zlib'
import { joined } from './reply.ts'

/** That of kube-apiserver: its time is dearer than the network's. */
const level = 1

/** Whether an Accept-Encoding header names gzip. */
export function acceptsGzip(header: string | string[] | undefined): boolean {
  return String(header ?? '')
    .split(',')
    .some((coding) => coding.split(';', 1)[0]?.trim().toLowerCase() === 'gzip')
}

/** The pieces of a body in gzip. */
export function gzipped(pieces: Iterable<Buffer>): AsyncIterable<Buffer> {
  return Readable.from(joined(pieces), { objectMode: true }).pipe(createGzip({ level, chunkSize: 64 << 10 }))
}
