import { readFileSync } from 'node:fs'
import { readClosingPrograms, readPrograms, readStructs } from '@portolan/native/libbpf'
import test from 'ava'
import { closingStructs, type StructLayout, structs } from '../layout/structures.ts'
import { flowTimeouts } from '../layout/timeouts.ts'

const objects = [
  [readStructs(readPrograms()), structs],
  [readStructs(readClosingPrograms()), closingStructs],
] as const

const layouts = objects.flatMap(([compiled, described]) =>
  (Object.entries(described) as [string, StructLayout][]).map(
    ([name, layout]) => [compiled, name, layout] as const,
  ),
)

for (const [compiled, name, layout] of layouts) {
  test(`${name} has the size and the fields here that the compiled programs have`, (t) => {
    const inC = compiled.get(name)
    t.is(layout.size, inC!.size)
    t.deepEqual(
      Object.entries(layout.at),
      inC!.members.map((member) => [member.name, member.offset]),
    )
  })
}

test('the timeouts of connections are those of the programs', (t) => {
  const header = readFileSync(new URL('../../../native/bpf/timeouts.h', import.meta.url), 'utf8')
  const seconds = [...header.matchAll(/^\t\[[A-Z_]+\] = ([\d *]+),$/gm)].map(([, product = '']) =>
    product.split('*').reduce((so, factor) => so * Number(factor), 1),
  )
  t.deepEqual(seconds, [...flowTimeouts])
})
