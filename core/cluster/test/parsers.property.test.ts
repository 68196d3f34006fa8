import test from 'ava'
import fc from 'fast-check'
import { parseNode } from '../parse-node.ts'
import { parseService } from '../parse-service.ts'
import { parseServiceCidr } from '../parse-service-cidr.ts'
import { parseSlice } from '../parse-slice.ts'
import { anyObject, oneOf } from './any-object.ts'
import * as told from './objects.fuzz.ts'

for (const [name, property] of Object.entries(told)) {
  test(`${name}: no parser throws, and each names object, field and fix of whatever it leaves out`, (t) => {
    fc.assert<unknown>(property, { numRuns: 2000 })
    t.pass()
  })
}

const parsers = { parseService, parseSlice, parseNode, parseServiceCidr }

for (const [name, parse] of Object.entries(parsers)) {
  test(`${name} keeps no part of what it was given`, (t) => {
    fc.assert(
      fc.property(oneOf(anyObject), (raw) => {
        const parts = new Set<unknown>()
        collect(raw, parts)
        const kept = new Set<unknown>()
        collect(parse(raw).record, kept)
        t.deepEqual(
          [...kept].filter((part) => parts.has(part)),
          [],
        )
      }),
      { numRuns: 500 },
    )
    t.pass()
  })
}

function collect(value: unknown, into: Set<unknown>): void {
  if (typeof value !== 'object' || value === null || into.has(value)) return
  into.add(value)
  for (const part of Object.values(value)) collect(part, into)
}
