import { deepEqual, doesNotMatch, equal, match, ok, rejects } from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, findCounterexample, type Subject } from '@portolan/conformance/convergence'
import {
  endpoint,
  everything,
  everythingIpv6,
  external,
  externalLocal,
  frontend,
  internal,
  route,
  table,
  web,
} from '@portolan/conformance/example-tables'
import { bring, missing as missingOf } from '@portolan/conformance/reconcile'
import {
  type Address,
  ApplyError,
  type CompiledProgram,
  type Dataplane,
  fullDifference,
  type RoutingTable,
} from '@portolan/core'
import { type Lab, network, podAddress } from '@portolan/lab'
import { SystemCommand } from '@portolan/native/system-command'
import { emptyMemory } from '../compile/memory.ts'
import ipvs from '../index.ts'
import { defineIpvs } from '../ipvs-dataplane.ts'
import { DriftDetector } from '../kernel/drift-detector.ts'
import { Iptables } from '../kernel/iptables.ts'
import { NetlinkTransport } from '../kernel/netlink-transport.ts'
import type { ObservedState } from '../layout/observed-state.ts'
import { kernelName, type SetName } from '../layout/sets.ts'
import { type Scheduler, schedulers } from '../layout/settings.ts'
import { KernelModel } from './kernel-model.ts'
import { twinTransport } from './twin-transport.ts'

/** One claim about the real kernel, beyond what the conformance kit proves with packets. */
export interface KernelCheck {
  readonly claim: string
  /** Throws when the claim doesn't hold. */
  run(lab: Lab): Promise<void>
}

const transports = ['netlink', 'ipvsadm'] as const

const broadcast = '10.77.0.255'

type Settings = Readonly<Record<string, string>>

/** A dataplane for the lab's node, as a new process would make it. */
function open(lab: Lab, settings: Settings = {}): Dataplane {
  return ipvs.create(
    { masqueradeBit: 14, networkNamespace: lab.node.networkNamespace, settings },
    // Starting tools takes the translated machine twenty times as long.
    { deadlines: { work: 300_000, start: 30_000, look: 60_000, stop: 60_000 } },
  )
}

/** What is missing in the eyes of a new process. */
async function missing(lab: Lab, wanted: RoutingTable, settings: Settings = {}): Promise<string> {
  const dataplane = open(lab, settings)
  const text = await missingOf(dataplane, wanted)
  await dataplane.stop()
  return text
}

async function ipvsadm(lab: Lab, ...args: readonly string[]): Promise<string> {
  return (await lab.node.exec('/usr/sbin/ipvsadm', [...args])).stdout
}

const clusterIP = frontend('ClusterIP', '10.96.0.10', 80, internal)
const withEndpoints = (endpoints: typeof web) => table([route('shop/web:http', endpoints, [clusterIP])])

/** The dataplane over the real kernel and the model of it, with the real iptables. */
function twinSubject({ node: { networkNamespace } }: Lab): Subject {
  const options = { masqueradeBit: 14, networkNamespace, settings: {} }
  const model = new KernelModel(false)
  const spoiler = { isOn: false }
  return {
    open: () =>
      defineIpvs({
        openTransport: async () =>
          twinTransport(new NetlinkTransport(networkNamespace), model.transport(), spoiler),
      }).create(options),
    break(fault) {
      spoiler.isOn = fault !== undefined
    },
    async close() {
      await defineIpvs().create(options).cleanup()
    },
  }
}

export const kernelChecks: readonly KernelCheck[] = [
  {
    claim: 'the kernel holds and refuses what the model of it does',
    async run(lab) {
      const found = await findCounterexample({
        subject: () => twinSubject(lab),
        firstSeed: 1,
        sequences: 2,
        changes: 6,
        maxRuns: 5,
      })
      equal(found === undefined ? '' : describe(found, 'dataplanes/ipvs/test/kernel-checks.ts'), '')
    },
  },
  ...transports.flatMap((transport) => [
    ...[everything(), everythingIpv6()].map(
      (wanted): KernelCheck => ({
        claim: `${wanted.family}: what ${transport} applies, both transports read back as it is wanted`,
        async run(lab) {
          const dataplane = open(lab, { transport })
          ok((await bring(dataplane, wanted)) > 0)
          for (const reader of transports)
            equal(await missing(lab, wanted, { transport: reader }), '', reader)
          await dataplane.stop()
        },
      }),
    ),
    {
      claim: `sets of another type that have names of ours are made anew through ${transport}`,
      async run(lab: Lab) {
        for (const [name, type] of [
          ['SERVED', 'hash:net family inet'],
          ['CLUSTER-IPS', 'hash:ip family inet6'],
          ['MARK-POD', 'hash:ip,port family inet'],
          ['HAIRPIN', 'list:set'],
        ] as const)
          await lab.node.exec('ipset', ['create', kernelName('IPv4', name), ...type.split(' ')])
        const wanted = everything()
        const dataplane = open(lab, { transport })
        ok((await bring(dataplane, wanted)) > 0)
        for (const reader of transports) equal(await missing(lab, wanted, { transport: reader }), '', reader)
        await dataplane.stop()
      },
    },
    {
      claim: `a change through ${transport} leaves what a fresh table would be`,
      async run(lab: Lab) {
        const dataplane = open(lab, { transport })
        const [before, after] = [everything(), table([route('shop/web:http', web, [clusterIP])])]
        await bring(dataplane, before)
        await dataplane.apply(dataplane.compile(fullDifference(before, after)))
        equal(await missing(lab, after), '')
        await dataplane.apply(dataplane.compile(fullDifference(after, before)))
        equal(await missing(lab, before), '')
        await dataplane.stop()
      },
    },
    {
      claim: `a program that ${transport} refuses leaves everything as it was, and says which command`,
      async run(lab: Lab) {
        const dataplane = open(lab, { transport })
        const before = everything()
        await bring(dataplane, before)
        await ipvsadm(lab, '-D', '-t', '10.96.0.10:80')
        const was = await ipvsadm(lab, '-Sn')
        const more = endpoint('10.1.1.9')
        const dns = route(
          'shop/dns:dns',
          [...web, more],
          [frontend('ClusterIP', '10.96.0.53', 53, internal)],
          {
            protocol: 'UDP',
          },
        )
        const shop = route('shop/web:http', [...web, more], [clusterIP])
        const others = [...before.routes.values()].slice(3)
        const after = table([dns, shop, ...others], { clusterIPs: [...before.clusterIPs] })
        await rejects(dataplane.apply(dataplane.compile(fullDifference(before, after))), (error: unknown) => {
          ok(error instanceof ApplyError)
          match(error.operation ?? '', /-a -t 10\.96\.0\.10:80 -r 10\.1\.1\.9/)
          return true
        })
        deepEqual(sorted(await ipvsadm(lab, '-Sn')), sorted(was))
        await dataplane.stop()
      },
    },
    ...(['IPv4', 'IPv6'] as const).map(
      (family): KernelCheck => ({
        claim: `${family}: an endpoint at an address of no host is left out by ${transport}, told, and stops nothing else`,
        async run(lab) {
          const dataplane = open(lab, { transport })
          const [address, bad, good, more] =
            family === 'IPv4'
              ? ['203.0.113.10', broadcast, '10.1.1.2', '10.1.1.3']
              : ['2001:db8:5::10', 'ff02::7', 'fd00:10:1:1::2', 'fd00:10:1:1::3']
          await lab.node.exec('/usr/sbin/ip', [
            'address',
            'add',
            '10.77.0.1/24',
            'broadcast',
            broadcast,
            'dev',
            'lo',
          ])
          const frontends = [frontend('LoadBalancer', address, 80, externalLocal)]
          const of = (...addresses: readonly string[]) =>
            table(
              [
                route(
                  'shop/web:http',
                  addresses.map((at) => endpoint(at, true)),
                  frontends,
                  { family },
                ),
              ],
              {},
              family,
            )
          const told = async (program: CompiledProgram) =>
            (await dataplane.apply(program)).degraded
              .map(({ route, reason }) => `${route}: ${reason}`)
              .join('; ')
          const named = new RegExp(`^shop/web:http/TCP.*: the kernel takes ${bad} for no address of a host`)

          match(await told(dataplane.reconcile(await dataplane.observe(family), of(bad, good))), named)
          const servers = [...(await ipvsadm(lab, '-Sn')).matchAll(/-r \[?([0-9a-f.:]+?)\]?:\d+ /g)].map(
            ([, at]) => at,
          )
          deepEqual(servers, [good, good], 'by address and by mark')
          equal(await dataplane.isUnchanged(family), true)
          equal(await missingOf(dataplane, of(bad, good)), '', 'what is known to be refused is no drift')

          match(await told(dataplane.compile(fullDifference(of(bad, good), of(bad, good, more)))), named)
          equal(await told(dataplane.compile(fullDifference(of(bad, good, more), of(good, more)))), '')
          equal(await missing(lab, of(good, more)), '')
          await dataplane.stop()
        },
      }),
    ),
    {
      claim: `another tool's virtual server that a program through ${transport} meets is whole afterwards`,
      async run(lab: Lab) {
        const dataplane = open(lab, { transport })
        await bring(dataplane, table([]))
        await ipvsadm(lab, '-A', '-t', '10.96.0.10:80', '-s', 'wlc')
        const was = await ipvsadm(lab, '-Sn')
        const dns = route('shop/dns:dns', web, [frontend('ClusterIP', '10.96.0.53', 53, internal)])
        const after = table([dns, route('shop/web:http', web, [clusterIP])])
        await rejects(
          dataplane.apply(dataplane.compile(fullDifference(table([]), after))),
          (error: unknown) => {
            ok(error instanceof ApplyError)
            match(error.operation ?? '', /-A -t 10\.96\.0\.10:80/)
            return true
          },
        )
        deepEqual(sorted(await ipvsadm(lab, '-Sn')), sorted(was))
        await dataplane.stop()
      },
    },
  ]),
  ...transports.map(
    (transport): KernelCheck => ({
      claim: `timeouts are set through ${transport} by what is applied, and not by who only looks`,
      async run(lab) {
        const timeouts = async () => /: (.*)/.exec(await ipvsadm(lab, '-L', '--timeout'))?.[1]
        const [tcp, , udp] = (await timeouts())?.split(' ') ?? []
        const dataplane = open(lab, { transport, 'tcp-timeout': '2147483', 'tcpfin-timeout': '77' })
        await dataplane.start()
        await dataplane.observe('IPv4')
        equal((await timeouts())?.split(' ')[0], tcp)
        await bring(dataplane, withEndpoints(web))
        equal(await timeouts(), `2147483 77 ${udp}`)
        await dataplane.stop()
      },
    }),
  ),
  ...transports.map((transport) => ({
    claim: `an endpoint that leaves without connections is deleted soon by ${transport}, and one that has some keeps them`,
    async run(lab: Lab) {
      const port = 8080
      for (const [index, pod] of lab.pods.entries()) await pod.serve('TCP', podAddress('IPv4', index), port)
      const pods = lab.pods.map((_, index) => endpoint(podAddress('IPv4', index), true))
      const nodePort = frontend('NodePort', undefined, 30080, external)
      const of = (endpoints: typeof pods) =>
        table([route('shop/web:http', endpoints, [nodePort])], {
          nodePortAddresses: [network.IPv4.node.uplink as Address],
        })
      const dataplane = open(lab, { transport })
      await bring(dataplane, of(pods.slice(0, 1)))
      const connection = await lab.outside.holdConnection({
        to: { address: network.IPv4.node.uplink, port: 30080 },
      })
      await dataplane.apply(dataplane.compile(fullDifference(of(pods.slice(0, 1)), of(pods))))
      await dataplane.apply(dataplane.compile(fullDifference(of(pods), of([]))))
      const weights = async () =>
        [...(await ipvsadm(lab, '-Sn')).matchAll(/-r (\S+) -m -w (\d+)/g)].map(([, at, weight]) => [
          at,
          weight,
        ])
      equal((await weights()).length, pods.length)
      for (let turn = 0; turn < 2; turn++) {
        await sleep(6000)
        await dataplane.upkeep?.('IPv4')
      }
      deepEqual(await weights(), [[`${podAddress('IPv4', 0)}:${port}`, '0']])
      equal((await connection.ask()).alive, true)

      await dataplane.stop()
      const next = open(lab)
      equal(await bring(next, of([])), 0, 'the next process has something to do')
      equal(await bring(next, of(pods.slice(0, 1))), 1, 'its weight')
      deepEqual(await weights(), [[`${podAddress('IPv4', 0)}:${port}`, '1']])
      equal((await connection.ask()).alive, true)
      await connection.close()
      await next.stop()
    },
  })),
  {
    claim: 'every scheduler serves, and so do its flags',
    async run(lab) {
      const flags: Partial<Record<Scheduler, string>> = { sh: 'sh-port,sh-fallback', mh: 'mh-port' }
      for (const scheduler of schedulers) {
        const more = flags[scheduler] === undefined ? {} : { 'scheduler-flags': flags[scheduler] }
        const settings = { scheduler, ...more }
        const dataplane = open(lab, settings)
        await bring(dataplane, withEndpoints(web))
        match(await ipvsadm(lab, '-Sn'), new RegExp(`-A -t 10\\.96\\.0\\.10:80 -s ${scheduler}`))
        equal(await missing(lab, withEndpoints(web), settings), '')
        await dataplane.stop()
      }
    },
  },
  ...(['sh', 'mh'] as const).map(
    (scheduler): KernelCheck => ({
      claim: `with ${scheduler} new connections go elsewhere while an endpoint drains`,
      async run(lab) {
        for (const [index, pod] of lab.pods.entries()) await pod.serve('TCP', podAddress('IPv4', index), 8080)
        const pods = lab.pods.map((_, index) => endpoint(podAddress('IPv4', index), true))
        const nodePort = frontend('NodePort', undefined, 30080, external)
        const to = { address: network.IPv4.node.uplink, port: 30080 }
        const of = (endpoints: typeof pods) =>
          table([route('shop/web:http', endpoints, [nodePort])], { nodePortAddresses: [to.address] })
        const dataplane = open(lab, { scheduler, 'scheduler-flags': `${scheduler}-port` })
        await bring(dataplane, of(pods.slice(0, 1)))
        const connection = await lab.outside.holdConnection({ to })
        await dataplane.apply(dataplane.compile(fullDifference(of(pods.slice(0, 1)), of(pods))))
        await dataplane.apply(dataplane.compile(fullDifference(of(pods), of(pods.slice(1)))))
        match(await ipvsadm(lab, '-Sn'), /-w 0/)
        for (let port = 0; port < 20; port++) {
          const answer = await lab.outside.probe({ protocol: 'TCP', to, timeoutMs: 60_000 })
          equal(answer.result, 'answered')
        }
        equal((await connection.ask()).alive, true)
        await connection.close()
        await dataplane.stop()
      },
    }),
  ),
  {
    claim: 'virtual servers of others stay, but where a Service is; in exclude-cidrs they stay there as well',
    async run(lab) {
      const others = ['203.0.113.99:443', '10.96.0.10:80', '203.0.113.10:80']
      for (const at of others) await ipvsadm(lab, '-A', '-t', at, '-s', 'wlc')
      const wanted = table([
        route('shop/web:http', web, [clusterIP, frontend('LoadBalancer', '203.0.113.10', 80, external)]),
      ])
      const dataplane = open(lab, { 'exclude-cidrs': '203.0.113.10/32' })
      await bring(dataplane, wanted)
      const saved = await ipvsadm(lab, '-Sn')
      for (const line of [
        '-A -t 203.0.113.99:443 -s wlc',
        '-A -t 203.0.113.10:80 -s wlc',
        '-A -t 10.96.0.10:80 -s rr -b flag-3',
      ])
        ok(
          saved.split('\n').some((one) => one.trim() === line),
          line,
        )
      await dataplane.stop()
      await open(lab).cleanup()
      deepEqual(
        sorted(await ipvsadm(lab, '-Sn')),
        sorted('-A -t 203.0.113.99:443 -s wlc\n-A -t 203.0.113.10:80 -s wlc'),
      )
    },
  },
  {
    claim: 'a changed sysctl is noticed, and set again',
    async run(lab) {
      const dataplane = open(lab)
      await bring(dataplane, withEndpoints(web))
      const sysctl = async (...args: readonly string[]) =>
        (await lab.node.exec('/usr/sbin/sysctl', [...args])).stdout.trim()
      await sysctl('-q', '-w', 'net.ipv4.vs.conntrack=0')
      equal(await dataplane.isUnchanged('IPv4'), false)
      await bring(dataplane, withEndpoints(web))
      equal(await sysctl('-n', 'net.ipv4.vs.conntrack'), '1')
      await dataplane.stop()
    },
  },
  {
    claim: 'a rule that drops what our chains let through is noticed, and removed',
    async run(lab) {
      const dataplane = open(lab)
      await bring(dataplane, withEndpoints(web))
      const iptables = (...args: readonly string[]) =>
        lab.node.exec('/usr/sbin/iptables', ['-w', '9', ...args])
      const rules = async () => (await iptables('-S', 'PORTOLAN-IPVS-FORWARD')).stdout
      const before = await rules()
      await iptables('-I', 'PORTOLAN-IPVS-FORWARD', '1', '-j', 'DROP')
      equal(await dataplane.isUnchanged('IPv4'), false)
      await bring(dataplane, withEndpoints(web))
      equal(await rules(), before)
      await dataplane.stop()
    },
  },
  {
    claim: 'a loss of the rules that lead all but the first packet of a connection is noticed, and repaired',
    async run(lab) {
      const dataplane = open(lab)
      await bring(dataplane, withEndpoints(web))
      const mangle = async () =>
        (await lab.node.exec('/usr/sbin/iptables', ['-w', '9', '-t', 'mangle', '-S'])).stdout
      const before = await mangle()
      await lab.node.exec('/usr/sbin/iptables', ['-t', 'mangle', '-F', 'PORTOLAN-IPVS-PREROUTING'])
      equal(await dataplane.isUnchanged('IPv4'), false)
      await bring(dataplane, withEndpoints(web))
      equal(await mangle(), before)
      await dataplane.stop()
    },
  },
  {
    claim: 'isUnchanged sees what others change and nothing else, and costs no reading of everything',
    async run(lab) {
      const dataplane = open(lab)
      const wanted = everything()
      await bring(dataplane, wanted)
      equal(await dataplane.isUnchanged('IPv4'), true)
      await dataplane.apply(dataplane.compile(fullDifference(wanted, withEndpoints(web))))
      equal(await dataplane.isUnchanged('IPv4'), true, 'after a change of our own')
      await ipvsadm(lab, '-A', '-t', '203.0.113.99:443', '-s', 'wlc')
      equal(await dataplane.isUnchanged('IPv4'), true, "after another tool's virtual server")
      await ipvsadm(lab, '-e', '-t', '10.96.0.10:80', '-r', '10.1.1.2:8080', '-m', '-w', '9')
      equal(await dataplane.isUnchanged('IPv4'), false, 'after a weight')
      ok((await bring(dataplane, withEndpoints(web))) > 0)
      equal(await dataplane.isUnchanged('IPv4'), true, 'after its repair')
      await dataplane.stop()
    },
  },
  {
    claim: 'what was replaced one for one is looked for once a minute, and repaired',
    async run(lab) {
      const wanted = everything()
      const dataplane = open(lab)
      await bring(dataplane, wanted)
      const [transport, command] = [
        new NetlinkTransport(lab.node.networkNamespace),
        new SystemCommand(lab.node.networkNamespace),
      ]
      let now = 0
      const driftDetector = new DriftDetector(() => now)
      const observedState = (await dataplane.observe('IPv4')) as ObservedState
      driftDetector.observed(observedState, transport.readGeneration())
      const { podSource } = wanted
      const setting = { family: 'IPv4', podSource, masqueradeBit: 14, routeMarkBit: 13 } as const
      const memory = emptyMemory({ masquerade: 14, route: 13 })
      const isQuiet = () => driftDetector.isQuiet(transport, new Iptables(command, 'auto'), setting, memory)
      const set = kernelName('IPv4', 'CLUSTER-IPS')
      await command.run('ipset', ['-exist', 'restore'], `del ${set} 10.96.0.10\nadd ${set} 10.96.0.77\n`)
      equal(await isQuiet(), true)
      now = 60_001
      equal(await isQuiet(), false)
      transport.close()
      equal(await bring(dataplane, wanted), 2)
      await dataplane.stop()
    },
  },
  {
    claim:
      'one that gives way leads nothing more to IPVS, wherever it was cut off before, and is whole when it comes back',
    async run(lab) {
      const wanted = everything()
      const elements = async (set: SetName) => {
        const { stdout } = await lab.node.exec('/usr/sbin/ipset', ['save', kernelName('IPv4', set)])
        return sorted(stdout.replaceAll(/^create .*$/gm, '').replaceAll(/^add \S+ /gm, ''))
      }
      const raw = async () => (await lab.node.exec('/usr/sbin/iptables', ['-t', 'raw', '-S'])).stdout
      const swap = ['SERVED', 'HANDED-OVER'] as const
      const cutOff: readonly (() => Promise<unknown>)[] = [
        async () => {},
        () => lab.node.exec('/usr/sbin/ipset', ['swap', ...swap.map((set) => kernelName('IPv4', set))]),
        async () => open(lab).drain?.(),
      ]
      const first = open(lab)
      await bring(first, wanted)
      await first.stop()
      const served = await elements('SERVED')
      ok(served.length > 0)
      for (const before of cutOff) {
        await before()
        deepEqual(await open(lab).drain?.(), { connections: 0 })
        deepEqual(await elements('HANDED-OVER'), served)
        for (const set of ['SERVED', 'REFUSED', 'DROP-POD', 'MASQ-OUTSIDE', 'CLUSTER-IPS'] as const)
          deepEqual(await elements(set), [], set)
        const next = open(lab)
        await bring(next, wanted)
        equal(await missing(lab, wanted), '')
        deepEqual(await elements('SERVED'), served)
        deepEqual(await elements('HANDED-OVER'), [])
        doesNotMatch(await raw(), /PORTOLAN/)
        await next.stop()
      }
      await open(lab).drain?.()
      match(await raw(), /PORTOLAN-IPVS-HANDED-OVER .*--zone-orig/)
      ok((await open(lab).cleanup()).removed.length > 0)
      doesNotMatch(await raw(), /PORTOLAN/)
      deepEqual((await open(lab).cleanup()).removed, [])
    },
  },
  {
    claim: 'rules of the variant of iptables that was used before go, at a start and by cleanup',
    async run(lab) {
      const wanted = withEndpoints(web)
      const before = open(lab, { iptables: 'legacy' })
      await bring(before, wanted)
      await before.stop()
      const legacy = async () => (await lab.node.exec('/usr/sbin/iptables-legacy-save', [])).stdout
      match(await legacy(), /PORTOLAN-IPVS/)
      const after = open(lab, { iptables: 'nft' })
      match(await missing(lab, wanted, { iptables: 'nft' }), /^# iptables-legacy-restore --noflush$/m)
      await bring(after, wanted)
      doesNotMatch(await legacy(), /PORTOLAN-IPVS/)
      equal(await missing(lab, wanted, { iptables: 'nft' }), '')
      await after.stop()
      ok((await open(lab, { iptables: 'legacy' }).cleanup()).removed.length > 0)
      doesNotMatch((await lab.node.exec('/usr/sbin/iptables-nft-save', [])).stdout, /PORTOLAN-IPVS/)
    },
  },
  {
    claim: 'iptables rules of either variant are read back as they were written',
    async run(lab) {
      for (const iptables of ['nft', 'legacy'])
        for (const by of [{ by: 'none' }, { by: 'interfacePrefix', prefix: 'veth' }] as const)
          for (const family of ['IPv4', 'IPv6'] as const) {
            const dataplane = open(lab, { iptables })
            await bring(dataplane, table([], {}, family, by))
            equal(await missing(lab, table([], {}, family, by), { iptables }), '')
            await dataplane.stop()
          }
    },
  },
  {
    claim: 'probe finds nothing missing, and changes nothing',
    async run(lab) {
      const report = await open(lab).probe()
      deepEqual(report.problems, [])
      equal(report.usable, true)
      equal((await open(lab).cleanup()).removed.length, 0)
    },
  },
]

/** Lines in an order of their own: the kernel has none. */
function sorted(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .sort()
}
