/** `npm run pack [-- FOLDER]`: the archives of all packages that are published, in `dist/` unless said. */
import { fileURLToPath } from 'node:url'
import { pack } from './pack.ts'
import { PackError, packErrorCodes } from './pack-error.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

try {
  const archives = await pack(root, process.argv[2] ?? 'dist')
  for (const { path, size, files } of archives)
    console.log(`${path}  ${Math.ceil(size / 1024)} KiB, ${files.length} files`)
} catch (error) {
  if (!(error instanceof PackError)) throw error
  console.error(`pack: ${error.message}`)
  console.error(`  fix: ${packErrorCodes[error.code].fix}`)
  process.exitCode = 1
}
