/** What `portolan eval` says of the proxy, but for its figures; needs root. */
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Scorecard } from '@portolan/eval'
import test from 'ava'

test('it keeps the contract, the kernel holds what it applies, and damage is repaired', async (t) => {
  t.timeout(600_000)
  const folder = await mkdtemp(join(tmpdir(), 'userspace-proxy-'))
  try {
    const portolan = fileURLToPath(import.meta.resolve('@portolan/core/command'))
    const dataplane = fileURLToPath(import.meta.resolve('../src/index.ts'))
    const asked = ['eval', dataplane, '--only', 'shape,convergence,operation']
    // It ends with a failure where anything has failed; the card says what.
    await promisify(execFile)(process.execPath, [portolan, ...asked], { cwd: folder }).catch(() => {})
    const { cards }: Scorecard = JSON.parse(await readFile(join(folder, 'scorecard.json'), 'utf8'))
    const parts = cards.flatMap((card) => card.parts).filter(({ outcome }) => outcome !== 'left out')
    const checks = parts.flatMap((part) => part.checks)
    t.deepEqual(
      checks.filter(({ outcome }) => outcome === 'failed' || outcome === 'unproved'),
      [],
    )
    t.deepEqual(
      parts.map(({ name, outcome }) => `${name} ${outcome}`),
      ['shape passed', 'convergence passed', 'operation passed'],
    )
    t.deepEqual(
      checks.filter(({ outcome }) => outcome === 'gap').map(({ name }) => name),
      [
        'IPv4: a new process that finds its table has nothing to do',
        'IPv4: a process that is killed while it applies disturbs no Service that stays the same',
      ],
    )
  } finally {
    await rm(folder, { recursive: true })
  }
})
