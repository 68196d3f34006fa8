import type { ProbeResult } from '@portolan/lab'
import type { Check } from './check.ts'

/** More of one kind would hide the rest. */
const maxLines = 12

/** Where everything fails, a few examples say as much as all. */
const maxExamples = 2
const examples = new WeakMap<object, number>()

/**
 * What can be known of packets to a Service that were not answered: enough to tell a Service that some packets don't get
 * through from a machine that is too busy. Costs nothing as long as all is well, and is done
 * for the first few of a testbed.
 *
 * @param lost the answers that didn't come
 * @param again asks once more, as often as before
 * @returns sentences and what the node's kernel says, each on a line of its own, with a break before it; empty: not again
 */
export async function evidenceOf(
  check: Check,
  lost: readonly ProbeResult[],
  again: () => Promise<readonly ProbeResult[]>,
): Promise<string> {
  const count = (examples.get(check.testbed) ?? 0) + 1
  if (count > maxExamples) return ''
  examples.set(check.testbed, count)
  // At the same time: what is slow is slow for both.
  const [past, repeated, kernel] = await Promise.all([pastAnyService(check), again(), ofKernel(check, lost)])
  const answered = repeated.filter(({ result }) => result === 'answered').length
  const times = repeated.map(({ milliseconds }) => Math.round(milliseconds))
  return [
    '',
    `asked again, ${answered} of ${repeated.length} tries were answered, after ${Math.min(...times)} to ${Math.max(...times)} ms`,
    past,
    ...kernel,
  ].join('\n    ')
}

/** How long the same client waits for those who could have answered, when it asks them directly. */
async function pastAnyService({ origin, client, testbed, family }: Check): Promise<string> {
  const answers = await Promise.all(
    (await testbed.markers(family)).map((to) =>
      origin.host.probe({
        protocol: 'UDP',
        to,
        timeoutMs: testbed.timeouts.answerMs,
        ...(client === 'remotePod' ? { from: { address: origin.address } } : {}),
      }),
    ),
  )
  const said = answers.map(({ result, milliseconds }) => `${result} after ${Math.round(milliseconds)} ms`)
  const busy = answers.some(({ result }) => result !== 'answered')
  return `past any Service: ${said.join(', ')}${busy ? '; the machine is too busy to tell' : ''}`
}

async function ofKernel({ testbed, address }: Check, lost: readonly ProbeResult[]): Promise<string[]> {
  const ports = lost.flatMap((one) => ('from' in one && one.from !== undefined ? [`:${one.from.port} `] : []))
  const run = async (file: string, ...args: string[]) => {
    const { stdout } = await testbed.lab.node.exec(file, args).catch(() => ({ stdout: '' }))
    return stdout.split('\n')
  }
  const [servers, connections, conntrack, neighbours] = await Promise.all([
    run('ipvsadm', '-Ln'),
    run('ipvsadm', '-Lnc'),
    run('cat', '/proc/net/stat/nf_conntrack'),
    run('ip', 'neighbour'),
  ])
  const virtual = servers.findIndex((line) => line.includes(`${address}]:`) || line.includes(` ${address}:`))
  const ofServer = virtual < 0 ? [] : servers.slice(virtual, virtual + maxLines)
  return [
    ...few('IPVS', ofServer),
    ...few(
      'IPVS, connections',
      connections.filter((line) => ports.some((port) => line.includes(port))),
    ),
    ...few('connection tracking, by CPU', nonZero(conntrack)),
    ...few(
      'neighbours',
      neighbours.filter((line) => /INCOMPLETE|FAILED|PROBE/.test(line)),
    ),
  ]
}

function few(title: string, lines: readonly string[]): string[] {
  return lines.slice(0, maxLines).map((line) => `${title}: ${line.trim()}`)
}

/** A table of hexadecimal counters under a line of names, as `name=number`; without those that are 0. */
function nonZero([names, ...rows]: readonly string[]): string[] {
  const titles = names?.trim().split(/\s+/) ?? []
  return rows
    .map((row) => row.trim().split(/\s+/))
    .filter((fields) => fields.length === titles.length)
    .map((fields) =>
      titles
        .map((title, index) => `${title}=${Number.parseInt(fields[index] ?? '0', 16)}`)
        .filter((text) => !text.endsWith('=0'))
        .join(' '),
    )
}
