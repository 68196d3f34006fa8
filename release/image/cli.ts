/** `npm run image`: see --help. */
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Command, Option } from 'commander'
import { PackError, packErrorCodes } from '../pack/pack-error.ts'
import { architectures } from './architecture.ts'
import { buildImage } from './build-image.ts'
import { resolvePackages } from './debian.ts'
import { ImageError, imageErrorCodes } from './image-error.ts'
import { resolveNode } from './node-runtime.ts'
import { writePinned } from './pinned.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const mebibyte = 1024 * 1024

interface Flags {
  readonly output: string
  readonly arch: readonly string[]
  readonly update?: true
}

await new Command('npm run image --')
  .description(
    'Builds the OCI image from the checkout, the Debian packages that are pinned, and Node.js, into a folder that is an ' +
      'image layout, with a bill of materials (SPDX) for each architecture beside it. Needs Debian, npm, and no daemon. ' +
      'The same commit gives the same digest.',
  )
  .option('-o, --output <folder>', 'where the layout goes, in place of one that is there', 'dist/image')
  .addOption(
    new Option('--arch <names...>', 'for which processors')
      .choices(architectures.map(({ name }) => name))
      .default(architectures.map(({ name }) => name)),
  )
  .option('--update', 'first pin the newest packages of Debian, and the Node.js that the checkout runs on')
  .action(run)
  .parseAsync()

async function run({ output, arch, update }: Flags): Promise<void> {
  try {
    if (update) await pin()
    const wanted = architectures.filter(({ name }) => arch.includes(name))
    const built = await buildImage(root, resolve(output), wanted)
    for (const { architecture, digest, layers } of built.images) {
      console.log(`${architecture.name}  ${digest}`)
      for (const { size, unpackedSize, holds } of layers)
        console.log(`  ${megabytes(size)} MiB, unpacked ${megabytes(unpackedSize)} MiB: ${holds}`)
    }
    console.log(`${output}  ${built.digest}`)
    if (built.revision.endsWith('-dirty'))
      console.error(`image: the checkout has changes that are no commit's: it is of ${built.revision}`)
  } catch (error) {
    if (!(error instanceof ImageError || error instanceof PackError)) throw error
    console.error(`image: ${error.message}`)
    const { fix } = error instanceof ImageError ? imageErrorCodes[error.code] : packErrorCodes[error.code]
    console.error(`  fix: ${fix}`)
    process.exitCode = 1
  }
}

async function pin(): Promise<void> {
  const debian = await Promise.all(architectures.map(async (one) => [one.name, await resolvePackages(one)]))
  const node = await Promise.all(architectures.map(async (one) => [one.name, await resolveNode(root, one)]))
  await writePinned({ debian: Object.fromEntries(debian), node: Object.fromEntries(node) })
}

function megabytes(bytes: number): string {
  return (bytes / mebibyte).toFixed(1)
}
