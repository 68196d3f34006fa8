import { decompress } from './decompress.ts'

/** Offsets in the header of a bzImage (the kernel's Documentation/arch/x86/boot.rst, protocol 2.08). */
const header = {
  setupSectors: 0x1f1,
  magic: 0x202,
  payloadOffset: 0x248,
  payloadLength: 0x24c,
}
const sectorBytes = 512

const elf = Buffer.from('\x7fELF', 'latin1')

/**
 * The kernel proper (an ELF file with a PVH entry) out of a bzImage: without having to decompress itself, which is
 * the slowest thing that a translated kernel does, it boots two seconds sooner.
 *
 * @returns the bzImage itself, which boots too, when it is packed in a way not known here
 */
export async function unpackKernelImage(bzImage: Buffer): Promise<Buffer> {
  if (bzImage.toString('latin1', header.magic, header.magic + 4) !== 'HdrS') return bzImage
  // Zero means four, from the time of floppy disks.
  const setupSectors = bzImage.readUInt8(header.setupSectors) || 4
  const start = (setupSectors + 1) * sectorBytes + bzImage.readUInt32LE(header.payloadOffset)
  // The kernel's build puts the unpacked size (4 bytes) after the payload.
  const end = start + bzImage.readUInt32LE(header.payloadLength) - 4
  const kernel = await decompress(bzImage.subarray(start, end))
  return kernel.subarray(0, elf.length).equals(elf) ? kernel : bzImage
}
