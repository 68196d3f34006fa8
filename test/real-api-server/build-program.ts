import { statSync } from 'node:fs'
import { mkdir, rename, rm } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { execa } from 'execa'
import {
  buildFlags,
  cachedProgram,
  cacheFolder,
  type GoProgram,
  goModule,
  programPath,
  readFolder,
} from './cache.ts'
import { findGo, goEnvironment } from './go-toolchain.ts'
import { withLock } from './lock.ts'

export type Built = { readonly program: string } | Unbuilt

/** Why it can't be built here, or what failed although it should have worked. */
export type Unbuilt = { readonly unavailable: string } | { readonly failed: string }

export interface BuildOptions {
  /** Told what is being done, at least every {@link noteSeconds}. */
  readonly note: (line: string) => void
  /** After so many minutes it is given up; what is compiled until then is in Go's own cache for the next time. */
  readonly limitMinutes: number
}

/** The modules come from a proxy, a few hundred MB: this long without an end and there is no use in waiting. */
const downloadMinutes = 10
const noteSeconds = 20
/** Programs of each name that stay in the cache. */
const kept = 3

/** Builds a program of the Go module into the cache, or finds it there. Several at once build it once. */
export async function buildProgram(name: GoProgram, options: BuildOptions): Promise<Built> {
  const there = cachedProgram(name)
  if (there !== undefined) return { program: there }
  const go = await findGo()
  if ('missing' in go) return { unavailable: go.missing }
  await mkdir(cacheFolder(), { recursive: true })
  const onWait = () => options.note(`another process builds ${name}: waiting for it`)
  return withLock(`${cacheFolder()}/.lock`, onWait, async () => {
    const builtMeanwhile = cachedProgram(name)
    if (builtMeanwhile !== undefined) return { program: builtMeanwhile }
    return compile(name, programPath(name, go.version), options)
  })
}

async function compile(name: GoProgram, path: string, { note, limitMinutes }: BuildOptions): Promise<Built> {
  note(`building ${name} from its Go modules: takes minutes, once`)
  const packages = await listPackages(name)
  if (!('count' in packages)) return packages

  const unfinished = `${path}.new`
  const cancelSignal = AbortSignal.timeout(limitMinutes * 60_000)
  const output = ['-v', '-o', unfinished, `./${name}`]
  const build = execa('go', ['build', ...buildFlags(), ...output], {
    cwd: goModule,
    env: goEnvironment,
    reject: false,
    cancelSignal,
    stdout: 'ignore',
  })
  // -v names every package that is compiled; one that was compiled before isn't named.
  let compiled = 0
  let last = ''
  createInterface(build.stderr).on('line', (line) => {
    compiled += 1
    last = line
  })
  const progress = setInterval(
    () => note(`${name}: ${compiled} of up to ${packages.count} packages compiled; ${last}`),
    noteSeconds * 1000,
  )
  try {
    const result = await build
    if (result.isCanceled)
      return {
        unavailable: `it was not built within ${limitMinutes} minutes; the next build goes on from there`,
      }
    if (result.failed) return { failed: lastLines(result.stderr, 20) }
    await rename(unfinished, path)
    await removeOldest(name)
    return { program: path }
  } finally {
    clearInterval(progress)
    await rm(unfinished, { force: true })
  }
}

/** Gets the modules' sources, too. Nothing is compiled by it. */
async function listPackages(name: GoProgram): Promise<{ readonly count: number } | Unbuilt> {
  const listed = await execa('go', ['list', '-mod=readonly', '-deps', `./${name}`], {
    cwd: goModule,
    env: goEnvironment,
    reject: false,
    timeout: downloadMinutes * 60_000,
  })
  if (!listed.failed) return { count: listed.stdout.split('\n').length }
  const why = listed.timedOut ? `not within ${downloadMinutes} minutes` : lastLines(listed.stderr, 3)
  // What our own files lack is a fault of ours; all else is the way to the modules.
  const ours = /go\.mod|go\.sum|no required module|is not in std/.test(why)
  return ours ? { failed: why } : { unavailable: `its Go modules can't be fetched: ${why}` }
}

/** Each is 100 MB and more; checkouts beside each other may have one of their own. */
async function removeOldest(name: GoProgram): Promise<void> {
  const programs = readFolder(cacheFolder()).filter((other) => other.startsWith(`${name}-`))
  const paths = programs.map((program) => `${cacheFolder()}/${program}`)
  const oldest = paths.sort((one, other) => statSync(other).mtimeMs - statSync(one).mtimeMs).slice(kept)
  for (const path of oldest) await rm(path, { force: true })
}

function lastLines(text: string, count: number): string {
  return text.trimEnd().split('\n').slice(-count).join('\n')
}
