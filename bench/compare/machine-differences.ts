import { formatQuantity } from '../report/quantity.ts'
import type { BenchResults } from '../results.ts'

/** What differs between two runs beside the thing compared: a sentence each. Portolan's own version may differ. */
export function machineDifferences(a: BenchResults, b: BenchResults): string[] {
  const tools = [...new Set([...Object.keys(a.machine.versions), ...Object.keys(b.machine.versions)])]
  const facts: readonly (readonly [string, string, string])[] = [
    ['kernel', a.machine.kernel, b.machine.kernel],
    ['CPU', a.machine.cpu, b.machine.cpu],
    ['architecture', a.machine.architecture, b.machine.architecture],
    ['number of cores', String(a.machine.cores), String(b.machine.cores)],
    [
      'memory',
      formatQuantity(a.machine.memoryBytes, 'bytes'),
      formatQuantity(b.machine.memoryBytes, 'bytes'),
    ],
    ...tools
      .filter((tool) => tool !== 'portolan')
      .sort()
      .map((tool) => [`version of ${tool}`, version(a, tool), version(b, tool)] as const),
    ...a.dataplanes.flatMap(({ name, variant = 'none' }) => {
      const other = b.dataplanes.find((candidate) => candidate.name === name)
      return other === undefined ? [] : [[`variant of ${name}`, variant, other.variant ?? 'none'] as const]
    }),
  ]
  return facts
    .filter(([, inA, inB]) => inA !== inB)
    .map(([what, inA, inB]) => `the ${what} differs: ${inA} in A, ${inB} in B`)
}

function version({ machine }: BenchResults, tool: string): string {
  return machine.versions[tool] ?? 'none'
}
