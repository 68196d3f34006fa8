import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createLab, type Lab, remotePodAddress } from '@portolan/lab'
import test, { type ExecutionContext } from 'ava'
import { startApiServer } from '../../cluster/api-server.ts'
import { probeAddresses, probePort, probeServices, probeTargetPort } from '../../cluster/probe-services.ts'
import { firstPacketAt } from '../../measure/first-packet.ts'
import { ExternalProxy } from '../external-proxy.ts'

const portolan = fileURLToPath(new URL('../../../core/cli/portolan.js', import.meta.url))
const readyTimeoutMs = 50_000
const portolanArgs = [
  portolan,
  'run',
  '--kubeconfig={kubeconfig}',
  '--node={node}',
  '--cluster-cidr={clusterCidr}',
]
const address = { host: '127.0.0.1', port: 6443, kubeconfig: '/nowhere', probes: probeAddresses }

// Outputs of programs that fail stay for their user.
test.after.always(async () => {
  const { outputFile } = new ExternalProxy({ name: '', program: '', args: [], readyTimeoutMs: 0 })
  await rm(dirname(outputFile), { recursive: true })
})

async function lab(t: ExecutionContext): Promise<Lab> {
  const made = await createLab({ pods: 1 })
  t.teardown(() => made.close())
  return made
}

/** A program of one's own, as a file that can be executed. */
async function script(t: ExecutionContext, text: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'pl-external-'))
  t.teardown(() => rm(folder, { recursive: true }))
  const path = join(folder, 'program')
  await writeFile(path, `#!/bin/sh\n${text}\n`)
  await chmod(path, 0o755)
  return path
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  for (const end = performance.now() + 240_000; performance.now() < end; ) {
    if (await holds()) return
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  throw new Error(`waited in vain for ${holds}`)
}

test.serial(
  'another program is measured by its packets: portolan run itself, as if it were a stranger',
  async (t) => {
    const place = await lab(t)
    await place.remote.serve('TCP', '0.0.0.0', probeTargetPort)
    const server = startApiServer(place.node.networkNamespace)
    t.teardown(() => server.end())
    const at = await server.call('load', {
      from: 'generated',
      shape: { services: 20, endpointsPerService: 3 },
    })
    const proxy = new ExternalProxy({
      name: 'stranger',
      program: process.execPath,
      args: portolanArgs,
      readyTimeoutMs,
    })
    t.teardown(() => proxy.stop('go'))
    await proxy.start(place.node, at)
    const reach = (pod: number) =>
      Promise.race([
        firstPacketAt(place.pods[0]!, {
          to: { address: probeServices.last.clusterIP, port: probePort },
          expected: { address: remotePodAddress('IPv4', pod), port: probeTargetPort },
          timeoutMs: 50_000,
        }),
        proxy.ended,
      ])
    await reach(0)
    const first = await proxy.usage()
    t.true(first.userMs > 0)
    t.true(first.rssBytes > 30 << 20)
    t.true(first.peakRssBytes >= first.rssBytes)
    const moved = reach(7)
    await server.call('pointProbe', 'last', 7)
    await moved
    await proxy.stop('go')
    t.regex(await readFile(proxy.outputFile, 'utf8'), /node in sync/)
  },
)

test.serial(
  'a program that ends by itself is told with its exit code, its last words and its log',
  async (t) => {
    const program = await script(t, 'echo "no such flag: $1" >&2; exit 3')
    const proxy = new ExternalProxy({ name: 'acme', program, args: ['--node={node}'], readyTimeoutMs })
    await proxy.start((await lab(t)).node, address)
    const error = await t.throwsAsync(proxy.ended, { code: 'EXTERNAL_FAILED' })
    t.regex(error!.message, /^acme \(.*\) ended with exit code 3; its output is in /)
    t.regex(error!.message, /no such flag: --node=node-under-test/)
    t.true((await readFile(proxy.outputFile, 'utf8')).includes('no such flag'))
    await t.throwsAsync(proxy.usage(), { code: 'EXTERNAL_FAILED' })
    await proxy.stop('go')
  },
)

test.serial('a program that is not there is told', async (t) => {
  const proxy = new ExternalProxy({ name: 'acme', program: '/no/such/program', args: [], readyTimeoutMs })
  await proxy.start((await lab(t)).node, address)
  const error = await t.throwsAsync(proxy.ended, { code: 'EXTERNAL_FAILED' })
  t.regex(error!.message, /No such file/)
})

test.serial('a program that ends at once is looked at no more, though nothing stops it', async (t) => {
  const place = await lab(t)
  const timers = () => process.getActiveResourcesInfo().filter((one) => one === 'Timeout').length
  const before = timers()
  const proxy = new ExternalProxy({ name: 'acme', program: '/no/such/program', args: [], readyTimeoutMs })
  await proxy.start(place.node, address)
  await t.throwsAsync(proxy.ended, { code: 'EXTERNAL_FAILED' })
  t.true(timers() <= before, `${timers()} timers, and ${before} before`)
})

test.serial(
  'it is told where it is by its arguments and by KUBECONFIG, and finds the system tools',
  async (t) => {
    const program = await script(
      t,
      'echo "$1 $KUBECONFIG"; command -v nft; ip -o link | grep -c eth1; sleep 300',
    )
    const proxy = new ExternalProxy({ name: 'acme', program, args: ['{apiServer}'], readyTimeoutMs })
    t.teardown(() => proxy.stop('go'))
    await proxy.start((await lab(t)).node, address)
    const output = () => readFile(proxy.outputFile, 'utf8')
    await until(async () => (await output()).split('\n').length > 3)
    t.regex(await output(), /^https:\/\/127\.0\.0\.1:6443 \/nowhere\n\/usr\/s?bin\/nft\n1\n$/)
  },
)

test.serial('CPU and memory are those of the whole tree, also of tools that have ended', async (t) => {
  const burn = 'i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done'
  const folder = await mkdtemp(join(tmpdir(), 'pl-external-'))
  t.teardown(() => rm(folder, { recursive: true }))
  // The second one burns only once the first one's time has been read.
  const gate = join(folder, 'gate')
  const held = `until [ -e ${gate} ]; do sleep 0.05; done`
  const program = await script(t, `sh -c '${burn}'; echo ready; ${held}; sh -c '${burn}; sleep 300' & wait`)
  const proxy = new ExternalProxy({ name: 'acme', program, args: [], readyTimeoutMs })
  t.teardown(() => proxy.stop('go'))
  await proxy.start((await lab(t)).node, address)
  await until(async () => (await readFile(proxy.outputFile, 'utf8')).includes('ready'))
  const ended = (await proxy.usage()).childrenMs
  t.true(ended >= 50, `${ended} ms of the tool that has ended`)
  await writeFile(gate, '')
  await until(async () => (await proxy.usage()).childrenMs >= ended * 1.5)
  t.true((await proxy.usage()).rssBytes > 1 << 20)
})

test.serial('nothing of it is left when it ends by itself', async (t) => {
  const program = await script(t, 'sleep 300 & echo "tool $!"; exit 1')
  const proxy = new ExternalProxy({ name: 'acme', program, args: [], readyTimeoutMs })
  await proxy.start((await lab(t)).node, address)
  await t.throwsAsync(proxy.ended, { code: 'EXTERNAL_FAILED' })
  await proxy.stop('go')
  await gone(await toolOf(proxy))
  t.pass()
})

test.serial('nothing of it is left when the benchmark is ended by a signal', async (t) => {
  t.timeout(300_000)
  const told = join(await mkdtemp(join(tmpdir(), 'pl-external-')), 'tool')
  t.teardown(() => rm(dirname(told), { recursive: true }))
  const program = await script(t, `sleep 300 & echo "tool $!" > ${told}; wait`)
  const json = ['--json', join(dirname(told), 'results.json'), '--report', join(dirname(told), 'report.html')]
  const scenario = ['--services', '10', '--scenario', 'cold-start', '--dataplane', 'nftables']
  const args = [portolan, 'bench', ...scenario, ...json, '--external', program]
  const bench = spawn(process.execPath, args, { stdio: 'ignore' })
  t.teardown(() => bench.kill('SIGKILL'))
  const tool = async () => Number(/tool (\d+)/.exec(await readFile(told, 'utf8').catch(() => ''))?.[1])
  await until(async () => !Number.isNaN(await tool()))
  const ended = once(bench, 'exit')
  bench.kill('SIGINT')
  t.deepEqual(await ended, [130, null])
  await gone(await tool())
})

test.serial('nothing of it is left after a stop, not even a tool that ignores the end', async (t) => {
  const program = await script(t, `trap '' TERM; (trap '' TERM; sleep 300) & echo "tool $!"; wait; wait`)
  const proxy = new ExternalProxy({ name: 'acme', program, args: [], readyTimeoutMs }, { stopTimeoutMs: 200 })
  await proxy.start((await lab(t)).node, address)
  const tool = await toolOf(proxy)
  await proxy.stop('go')
  await gone(tool)
  t.pass()
})

/** The process id that a script tells of a tool that it has started. */
async function toolOf({ outputFile }: ExternalProxy): Promise<number> {
  const output = () => readFile(outputFile, 'utf8')
  await until(async () => /tool \d+\n/.test(await output()))
  return Number(/tool (\d+)/.exec(await output())?.[1])
}

async function gone(pid: number): Promise<void> {
  await until(async () => {
    try {
      process.kill(pid, 0)
      return (await readFile(`/proc/${pid}/stat`, 'utf8')).includes(') Z')
    } catch {
      return true
    }
  })
}
