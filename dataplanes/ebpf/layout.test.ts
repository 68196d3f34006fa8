import { readPrograms, readStructs } from '@portolan/native/libbpf'
import test from 'ava'
import { type StructLayout, structs } from './layout.ts'

const compiled = readStructs(readPrograms())

for (const [name, layout] of Object.entries(structs) as [string, StructLayout][]) {
  test(`${name} has the size and the fields here that the compiled programs have`, (t) => {
    const inC = compiled.get(name)
    t.is(layout.size, inC!.size)
    t.deepEqual(
      Object.entries(layout.at),
      inC!.members.map((member) => [member.name, member.offset]),
    )
  })
}
