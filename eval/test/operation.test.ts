import { type CompiledProgram, defineDataplane, type IpFamily } from '@portolan/core'
import test from 'ava'
import { evaluateOperation } from '../parts/operation.ts'

const program = (family: IpFamily): CompiledProgram => ({ family, operations: 1, findings: [], degraded: [] })

const stuck = defineDataplane({
  name: 'stuck',
  capabilities: { families: ['IPv4'], protocols: ['TCP'], gaps: {} },
  create: () => ({
    compiler: {
      compile: ({ family }) => program(family),
      reconcile: (_: unknown, { family }) => program(family),
      print: () => '',
      trace: () => [],
    },
    kernel: {
      probe: async () => ({ usable: true, problems: [], facts: {} }),
      open: async () => {},
      close() {},
      observe: async () => 'nothing',
      apply: () => new Promise<never>(() => {}),
      cleanup: async () => ({ removed: [] }),
    },
  }),
})

test('a call that never returns is told at the deadline that was asked for', async (t) => {
  t.timeout(600_000)
  const subject = { factory: stuck, settings: {}, underTest: undefined }
  const { outcome, checks } = await evaluateOperation(subject, undefined, { callMs: 2000 }, () => {})
  t.is(outcome, 'failed')
  const cleanUp = checks.find(({ name }) => name.startsWith('clean-up leaves nothing'))
  t.regex(cleanUp?.detail ?? '', /dataplane stuck: apply of IPv4 has not returned for 2 s/)
})
