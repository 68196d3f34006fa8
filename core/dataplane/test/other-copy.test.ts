import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { emptyTable, fullDifference } from '../../table/diff.ts'
import type { CompiledProgram } from '../compiled-program.ts'
import { supervised } from '../supervise.ts'

const core = fileURLToPath(new URL('../..', import.meta.url))
const empty = emptyTable('IPv4', { by: 'none' })

/** A copy of this package, as one that a dataplane brings along: its classes are not ours. */
const folder = mkdtempSync(join(tmpdir(), 'portolan-copy-'))
test.after.always(() => rmSync(folder, { recursive: true }))
const rooms = ['index.ts', 'package.json', 'dataplane', 'error', 'network', 'table', 'time', 'log', 'cluster']
for (const room of rooms) cpSync(join(core, room), join(folder, room), { recursive: true })
const copy = (await import(join(folder, 'index.ts'))) as typeof import('../../index.ts')

function make() {
  const { defineDataplane, ApplyError } = copy
  const program: CompiledProgram = { family: 'IPv4', operations: 1, findings: [], degraded: [] }
  const factory = defineDataplane({
    name: 'acme',
    capabilities: { families: ['IPv4'], protocols: ['TCP'], gaps: {} },
    create: () => ({
      compiler: { compile: () => program, reconcile: () => program, print: () => '', trace: () => [] },
      kernel: {
        probe: async () => ({ usable: true, problems: [], facts: {} }),
        observe: async () => {
          throw new Error('out of order')
        },
        apply: async () => {
          throw new ApplyError('refused', { operation: 'add element' })
        },
        cleanup: async () => ({ removed: [] }),
      },
    }),
  })
  return factory.create({ masqueradeBit: 14, settings: {} })
}

test('a dataplane made by another copy of this package is not supervised twice', (t) => {
  const made = make()
  t.is(supervised(made), made)
  const lookalike = { ...made }
  t.not(supervised(lookalike), lookalike, 'what only looks like it is')
})

test("errors of another copy's classes are taken as what they are", async (t) => {
  const made = make()
  // As one that wraps another does.
  const wrapped = supervised({
    ...made,
    ...{ probe: () => made.probe(), start: () => made.start(), stop: () => made.stop() },
    observe: (family) => made.observe(family),
    apply: (one) => made.apply(one),
    compile: (change) => made.compile(change),
  } as Parameters<typeof supervised>[0])
  const program = wrapped.compile(fullDifference(empty, empty))
  await t.throwsAsync(wrapped.apply(program), { message: 'refused', code: 'DATAPLANE_APPLY_FAILED' })
  await t.throwsAsync(wrapped.observe('IPv4'), {
    message: 'dataplane acme: observe of IPv4 failed: out of order',
    code: 'DATAPLANE_METHOD_FAILED',
  })
})
