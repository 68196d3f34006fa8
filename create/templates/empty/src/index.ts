import { defineDataplane } from '@portolan/core'
import { AcmeKernel } from './kernel.ts'
import { compile, contentsOf, nameOf, print, protocols, reconcile } from './program.ts'

/** A skeleton: it compiles and prints, and applies nothing. */
export default defineDataplane({
  name: 'acme',
  capabilities: {
    families: ['IPv4'],
    protocols,
    /** Each a sentence for the operator: what happens instead. */
    gaps: {},
  },
  create({ networkNamespace }) {
    return {
      compiler: {
        compile,
        reconcile,
        print,
        trace(table, evaluation) {
          if (!('frontend' in evaluation)) return []
          const { route, frontend, sourceClass } = evaluation
          const name = nameOf(route, frontend, sourceClass)
          const value = contentsOf({ ...table, routes: new Map([[route.key, route]]) }).get(name)
          return value === undefined ? [] : [`${name} = ${value}`]
        },
      },
      kernel: new AcmeKernel(networkNamespace),
    }
  },
})
