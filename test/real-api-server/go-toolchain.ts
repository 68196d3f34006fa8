import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import { goModule } from './cache.ts'

/** The toolchain that is installed; it is never replaced by one that Go would download. */
export const goEnvironment = { GOTOOLCHAIN: 'local', CGO_ENABLED: '0' }

/** Its version, as `go1.26.8`; or why none can be used. */
export async function findGo(): Promise<{ readonly version: string } | { readonly missing: string }> {
  const wanted = /^go (\S+)/m.exec(readFileSync(join(goModule, 'go.mod'), 'utf8'))?.[1] ?? ''
  const asked = await execa('go', ['env', 'GOVERSION'], { env: goEnvironment, reject: false })
  // Outside the module: within it, a toolchain that is too old says so instead of its version.
  const version = asked.exitCode === 0 ? asked.stdout.trim() : ''
  if (version === '') return { missing: `no Go toolchain is installed (Go ${wanted} or newer builds it)` }
  if (!isAtLeast(version.replace(/^go/, ''), wanted)) {
    return { missing: `the Go toolchain is ${version}, and it takes Go ${wanted} or newer to build it` }
  }
  return { version }
}

function isAtLeast(version: string, wanted: string): boolean {
  return new Intl.Collator('en', { numeric: true }).compare(version, wanted) >= 0
}
