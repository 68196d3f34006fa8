import type { Target } from './case-objects.ts'
import { otherPort, servicePort } from './place.ts'
import type { Testbed } from './testbed.ts'

/**
 * Lets the lab's internet answer what reaches it, so that a packet that was left alone, or leaked, shows by who
 * answers. TCP answers at every address; UDP, whose answers need the right source address, at those named.
 */
export async function serveInternet(testbed: Testbed, udp: readonly Target[] = []): Promise<void> {
  const { internet } = testbed.lab
  await Promise.all([
    ...testbed.families.flatMap((family) =>
      [servicePort, otherPort].map((port) =>
        testbed.serveAt(internet, 'TCP', family === 'IPv4' ? '0.0.0.0' : '::', port),
      ),
    ),
    ...udp.map(({ address, port }) => testbed.serveAt(internet, 'UDP', address, port)),
  ])
}
