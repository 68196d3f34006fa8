import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The Go module with a folder for each program that is built of it. */
export const goModule = fileURLToPath(new URL('go/', import.meta.url))

/** A main package of the Go module, by the name of its folder. */
export type GoProgram = 'kube-apiserver' | 'kube-proxy'

/** `$XDG_CACHE_HOME/portolan/real-api-server` or `~/.cache/portolan/real-api-server`. */
export function cacheFolder(): string {
  return join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'portolan', 'real-api-server')
}

/** Of `go build`: the program is the same wherever it is built, says its release, and has no symbols for a debugger. */
export function buildFlags(): string[] {
  const release = /k8s\.io\/kubernetes (v\S+)/.exec(readFileSync(join(goModule, 'go.mod'), 'utf8'))?.[1] ?? ''
  const ldflags = `-s -w -X k8s.io/component-base/version.gitVersion=${release}`
  return ['-mod=readonly', '-trimpath', '-buildvcs=false', `-ldflags=${ldflags}`]
}

/** Changes with whatever the program is made of but the toolchain: source, modules with their checksums, flags. */
export function sourceHash(program: GoProgram): string {
  const hash = createHash('sha256').update(buildFlags().join('\n'))
  for (const file of ['go.mod', 'go.sum', `${program}/main.go`]) {
    hash.update(`${file}\n`).update(readFileSync(join(goModule, file)))
  }
  return hash.digest('hex').slice(0, 16)
}

/** Where the program of this source, as a toolchain compiles it, belongs. @param toolchain as Go says it: `go1.26.8` */
export function programPath(program: GoProgram, toolchain: string): string {
  return join(cacheFolder(), `${program}-${sourceHash(program)}-${toolchain}`)
}

/**
 * The newest program of the present source, compiled by whichever toolchain: to run it, none is needed. Programs appear
 * in the cache whole, so one that is there is complete.
 */
export function cachedProgram(program: GoProgram): string | undefined {
  const prefix = `${program}-${sourceHash(program)}-`
  const paths = readFolder(cacheFolder())
    .filter((name) => name.startsWith(prefix))
    .map((name) => join(cacheFolder(), name))
  return paths.sort((one, other) => statSync(other).mtimeMs - statSync(one).mtimeMs)[0]
}

export function readFolder(path: string): string[] {
  try {
    return readdirSync(path)
  } catch {
    return []
  }
}
