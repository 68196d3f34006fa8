/** `npm run peer`: see --help. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { network } from '@portolan/lab'
import { provideProgram, RealApiServer } from '@portolan/real-api-server'
import { Command, InvalidArgumentError, Option } from 'commander'
import { thisNode } from '../../bench/cluster/probe-services.ts'
import { kubeProxyArguments, type Mode, modes } from './kube-proxy-arguments.ts'

interface Flags {
  readonly services: string
  readonly endpoints: string
  readonly modes: readonly Mode[]
  readonly dataplane: string
  readonly scenario: string
  readonly repeat: string
  readonly json: string
  readonly report: string
}

const limitMinutes = 60
const portolan = fileURLToPath(new URL('../../core/cli/portolan.js', import.meta.url))

await new Command('npm run peer --')
  .description(
    'Measures the real kube-proxy beside our dataplanes, on a real kube-apiserver: the same cluster, the same probes, one ' +
      'run. Builds both programs from their Go modules first, which takes minutes, once. Needs root and Go.',
  )
  .option('--services <numbers>', 'sizes of clusters', '1000')
  .option('--endpoints <numbers>', 'endpoints of each Service', '10')
  .addOption(
    new Option('--modes <names>', "kube-proxy's")
      .argParser(readModes)
      .default(['nftables', 'iptables'], 'nftables,iptables'),
  )
  .option('--dataplane <names>', 'ours', 'nftables,iptables,ebpf')
  .option('--scenario <names>', 'what to measure', 'cold-start,first-packet,connect')
  .option('--repeat <times>', 'how often to measure everything', '1')
  .option('--json <file>', 'all figures', 'results.json')
  .option('--report <file>', 'one page with plots', 'report.html')
  .action(run)
  .parseAsync()

async function run(flags: Flags): Promise<void> {
  if (process.getuid?.() !== 0)
    return fail('it makes network namespaces, which needs root', 'run it with sudo')
  const kubeProxy = await provide('kube-proxy')
  const apiServer = await provide('kube-apiserver')
  if (kubeProxy === undefined || apiServer === undefined) return
  note('starting the API server')
  await using server = await RealApiServer.start()
  const kubeconfig = join(server.folder, 'kubeconfig')
  await server.writeKubeconfig(kubeconfig)
  await addNode(server)
  const { services, endpoints, dataplane, scenario, repeat, json, report } = flags
  const options = { services, endpoints, dataplane, scenario, repeat, json, report }
  const args = [
    'bench',
    ...Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]),
    ...['--api-server', kubeconfig],
    ...flags.modes.flatMap((mode) => [
      ...['--external', kubeProxy, '--external-name', `kube-proxy-${mode}`],
      ...kubeProxyArguments(mode).map((argument) => `--external-args=${argument}`),
    ]),
  ]
  const child = spawn(process.execPath, [portolan, ...args], { stdio: 'inherit' })
  // The benchmark removes what it made, and the server goes when that has ended. Ctrl-C reaches it by the terminal.
  process.on('SIGINT', () => {})
  process.on('SIGTERM', () => child.kill('SIGTERM'))
  const [code] = (await once(child, 'exit')) as [number | null]
  process.exitCode = code ?? 1
}

/** kube-proxy waits half a minute for the Node that it runs on before it begins; a kubelet would have made it. */
async function addNode({ client }: RealApiServer): Promise<void> {
  const address = network.IPv4.node.uplink
  const { status, body } = await client.request('POST', '/api/v1/nodes', {
    body: { metadata: { name: thisNode }, status: { addresses: [{ type: 'InternalIP', address }] } },
  })
  if (status !== 201) throw new Error(`the API server does not take the Node: ${JSON.stringify(body)}`)
}

async function provide(name: 'kube-apiserver' | 'kube-proxy'): Promise<string | undefined> {
  const built = await provideProgram(name, { note, limitMinutes })
  if ('program' in built) return built.program
  if ('unavailable' in built) fail(`no ${name} here: ${built.unavailable}`, 'install Go and try again')
  else fail(`${name} could not be compiled:\n${built.failed}`, 'correct what Go says')
  return undefined
}

function readModes(text: string): readonly Mode[] {
  return text.split(',').map((name) => {
    const mode = modes.find((one) => one === name)
    if (mode === undefined) throw new InvalidArgumentError(`'${name}' is none of ${modes.join(', ')}.`)
    return mode
  })
}

function note(line: string): void {
  console.error(`peer: ${line}`)
}

function fail(message: string, fix: string): void {
  console.error(`peer: ${message}\n  fix: ${fix}`)
  process.exitCode = 1
}
