/** The kit has to find programs that are wrong in what they do to packets past the Services. */
import { runConformance } from '@portolan/conformance'
import test from 'ava'
import { unpinDeadNodes } from '../kernel/pins.ts'
import mutant from './mutant.ts'
import { type PacketMutantName, packetMutants } from './packet-mutants.ts'

/** By a part of the name of the row that finds it. */
const foundBy: Readonly<Record<PacketMutantName, string>> = {
  takesDirectAnswersForTheServices: 'a port that has gone to a Service goes to its endpoint directly',
  takesPortsOfDirectConnections: 'a port that has gone to an endpoint directly goes to its Service',
  takesAnswersForNewClients: "node's own clients get their answers",
  remembersWhomASocketAskedFirst:
    'an unconnected socket that speaks with Services and their endpoint in turns',
  losesPiecesOfDatagrams: 'through Services from other ports',
}

for (const [name, row] of Object.entries(foundBy))
  test.serial(`the kit finds an ebpf that ${packetMutants[name as PacketMutantName].does}`, async (t) => {
    t.timeout(600_000)
    const { rows } = await runConformance({
      factory: mutant,
      settings: { mutant: name },
      families: ['IPv4'],
      filter: (claim) => claim.name.includes(row) || claim.name.includes('nothing listens'),
    })
    const outcomes = (part: string) =>
      rows.filter((one) => one.name.includes(part)).map(({ outcome }) => outcome)
    t.log(rows.find(({ outcome }) => outcome === 'failed')?.detail.split('\n')[0])
    t.true(outcomes(row).includes('failed'))
    t.deepEqual([...new Set(outcomes('nothing listens'))], ['passed'])
  })

// A lab goes away with its namespaces, and leaves the pins of its node.
test.after.always(unpinDeadNodes)
