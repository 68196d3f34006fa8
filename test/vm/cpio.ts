/** A file of an archive; a name that ends in `/` is a folder. */
export interface ArchiveFile {
  readonly name: string
  readonly content: Uint8Array | string
}

/**
 * An archive in the format of an initramfs, "newc" (the kernel's Documentation/driver-api/early-userspace/
 * buffer-format.rst). Everything in it is root's, and may be executed.
 */
export function cpioArchive(files: readonly ArchiveFile[]): Buffer {
  return Buffer.concat([...files, { name: 'TRAILER!!!', content: '' }].flatMap(entry))
}

const folder = 0o040755
const executable = 0o100755

function entry({ name, content }: ArchiveFile, index: number): Buffer[] {
  const path = Buffer.from(`${name.replace(/\/$/, '')}\0`)
  const data = Buffer.from(content)
  const mode = name.endsWith('/') ? folder : executable
  // inode, mode, user, group, links, time, size, device (2), special device (2), length of the name, checksum
  const numbers = [index + 1, mode, 0, 0, 1, 0, data.length, 0, 0, 0, 0, path.length, 0]
  const head = Buffer.from(`070701${numbers.map((number) => number.toString(16).padStart(8, '0')).join('')}`)
  return [head, path, padding(head.length + path.length), data, padding(data.length)]
}

/** Names and contents end at multiples of four bytes. */
function padding(length: number): Buffer {
  return Buffer.alloc((4 - (length % 4)) % 4)
}
