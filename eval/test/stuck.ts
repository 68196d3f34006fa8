import { type CompiledProgram, defineDataplane, type IpFamily } from '@portolan/core'

const program = (family: IpFamily): CompiledProgram => ({ family, operations: 1, findings: [], degraded: [] })

/** Whose apply never returns. */
export default defineDataplane({
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
