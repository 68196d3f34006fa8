import { readClosingPrograms, readPrograms, readStructs } from '@portolan/native/libbpf'
import test from 'ava'
import { closingStructs, type StructLayout, structs } from './layout.ts'

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
