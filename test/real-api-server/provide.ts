import { readFileSync } from 'node:fs'
import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type BuildOptions, type Built, buildProgram, type Unbuilt } from './build-program.ts'
import { cachedProgram, cacheFolder, type GoProgram, sourceHash } from './cache.ts'

/**
 * Builds the program unless it is in the cache, and leaves a note there of why it could not be: the tests, which look at
 * files only, say it.
 */
export async function provideProgram(name: GoProgram, options: BuildOptions): Promise<Built> {
  const built = await buildProgram(name, options)
  if ('program' in built) {
    await rm(notePath(name), { force: true })
    return built
  }
  await mkdir(cacheFolder(), { recursive: true })
  await writeFile(`${notePath(name)}.new`, JSON.stringify(built))
  await rename(`${notePath(name)}.new`, notePath(name))
  return built
}

/** The program, or why there is none. Looks only at files. */
export function findProgram(name: GoProgram): Built {
  const program = cachedProgram(name)
  if (program !== undefined) return { program }
  try {
    return JSON.parse(readFileSync(notePath(name), 'utf8')) as Unbuilt
  } catch {
    return { unavailable: 'it has not been built: bash setup.sh test does it' }
  }
}

function notePath(name: GoProgram): string {
  return join(cacheFolder(), `not-built-${name}-${sourceHash(name)}.json`)
}
