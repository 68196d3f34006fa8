import type { ApiServer } from '@portolan/api-server'
import { type Lab, now } from '@portolan/lab'
import { hostOf } from './connections.ts'
import { destinations, type PodEndpoint, pods, slice, targetPort } from './sample-cluster.ts'
import { note, row } from './screen.ts'

const widths = [44, 14, 14]
const replacements = 20

/**
 * Changes endpoints through the API, and measures from the moment the API server has the change to the first connection
 * that the new endpoint answers.
 */
export async function showChanges(lab: Lab, server: ApiServer): Promise<void> {
  row(['change', 'first packet', 'endpoint'], widths)
  const { local0, local1, remote0, remote1 } = pods
  const steps: [string, readonly PodEndpoint[], PodEndpoint][] = [
    ['search: its first endpoint comes up', [remote1], remote1],
    ['search: a second one', [remote1, local1], local1],
    ['search: the first one goes, one comes', [local1, local0], local0],
    ['search: all but one go', [remote0], remote0],
  ]
  for (const [what, endpoints, expected] of steps) {
    const milliseconds = await change(lab, server, endpoints, expected)
    row([what, `${milliseconds.toFixed(1)} ms`, expected.address], widths, true)
  }
  const times: number[] = []
  for (let count = 0; count < replacements; count++) {
    const next = count % 2 === 0 ? local0 : remote0
    times.push(await change(lab, server, [next], next))
  }
  times.sort((a, b) => a - b)
  const at = (part: number) => times[Math.floor((times.length - 1) * part)]?.toFixed(1)
  row(
    [`search: its endpoint replaced, ${replacements} times`, `p50 ${at(0.5)} ms`, `max ${at(1)} ms`],
    widths,
    true,
  )

  server.apply(slice('search', []))
  const gone = now()
  const client = hostOf(lab, 'pod')
  const deadline = gone + 60_000
  while (
    (await client.probe({ protocol: 'TCP', to: destinations.search, timeoutMs: 500 })).result !== 'refused'
  ) {
    if (now() > deadline) throw new Error('connections to a Service without endpoints are not refused')
  }
  row(['search: the last one goes: refused after', `${(now() - gone).toFixed(1)} ms`, '-'], widths, true)
  note(
    'Times run from the change in the API server to the first connection at the new endpoint, to a millisecond.',
  )
}

async function change(
  lab: Lab,
  server: ApiServer,
  endpoints: readonly PodEndpoint[],
  expected: PodEndpoint,
): Promise<number> {
  const reached = hostOf(lab, 'pod').firstPacketAt({
    to: destinations.search,
    expected: { address: expected.address, port: targetPort },
  })
  // The probing runs before the change, so that its first attempt is not part of what is measured.
  await new Promise((resolve) => setTimeout(resolve, 5))
  const applied = now()
  server.apply(slice('search', endpoints))
  return (await reached).at - applied
}
