import type { Endpoint } from '@portolan/core'
import { writeEndpoint } from './encode.ts'
import { structs } from './structures.ts'

/** Whether slots hold these endpoints. Their order means nothing: a process that starts anew may have another. */
export function sameEndpoints(slots: Buffer, base: number, endpoints: readonly Endpoint[]): boolean {
  const { size } = structs.endpoint
  const wanted = Buffer.alloc(endpoints.length * size)
  for (const [index, endpoint] of endpoints.entries()) writeEndpoint(endpoint, wanted, index * size)
  const there = slots.subarray(base * size, (base + endpoints.length) * size)
  if (there.equals(wanted)) return true
  const sorted = (bytes: Buffer) =>
    Array.from({ length: endpoints.length }, (_, index) =>
      bytes.toString('latin1', index * size, (index + 1) * size),
    ).sort()
  const inOrder = sorted(wanted)
  return sorted(there).every((one, index) => one === inOrder[index])
}
