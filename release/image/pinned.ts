import { readFile, writeFile } from 'node:fs/promises'
import type { Architecture } from './architecture.ts'

/** A Debian package by its very bytes. */
export interface DebianPackage {
  readonly name: string
  readonly version: string
  /** Hexadecimal. */
  readonly sha256: string
}

/** What an image is made of besides the checkout and its lockfile. */
export interface Pinned {
  readonly debian: Readonly<Record<Architecture['name'], readonly DebianPackage[]>>
  /** The npm package with Node.js for each architecture: its version is the checkout's, its checksum as in a lockfile. */
  readonly node: Readonly<
    Record<Architecture['name'], { readonly version: string; readonly integrity: string }>
  >
}

/** `npm run image -- --update` writes it. */
const file = new URL('./pinned.json', import.meta.url)

export async function readPinned(): Promise<Pinned> {
  return JSON.parse(await readFile(file, 'utf8')) as Pinned
}

export async function writePinned(pinned: Pinned): Promise<void> {
  await writeFile(file, `${JSON.stringify(pinned, null, 2)}\n`)
}
