/** `npm run pack`: see --help. */
import { fileURLToPath } from 'node:url'
import { Command } from 'commander'
import { pack } from './pack.ts'
import { PackError, packErrorCodes } from './pack-error.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

const [folder = 'dist'] = new Command('npm run pack --')
  .description(
    'Compiles every package that is published to JavaScript, with types and source maps, and writes their archives: one ' +
      '.tgz for each, as `npm publish` takes them and `npm install` does.',
  )
  .argument('[folder]', 'where the archives go; made if it is missing', 'dist')
  .parse().processedArgs as [string?]

try {
  const archives = await pack(root, folder)
  for (const { path, size, files } of archives)
    console.log(`${path}  ${Math.ceil(size / 1024)} KiB, ${files.length} files`)
} catch (error) {
  if (!(error instanceof PackError)) throw error
  console.error(`pack: ${error.message}`)
  console.error(`  fix: ${packErrorCodes[error.code].fix}`)
  process.exitCode = 1
}
