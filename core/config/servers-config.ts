import { familyOf, parseAddress } from '../network/address.ts'
import { loopbackAddress, unspecifiedAddress } from '../network/special-addresses.ts'
import { type ConfigProblem, problemOf } from './config-error.ts'
import { type Flags, flagTexts } from './config-flags.ts'
import type { Given, GivenValues } from './field.ts'
import type { KubeProxyValues } from './kube-proxy-fields.ts'
import type { ServersConfig } from './proxy-config.ts'
import { parseSocketAddress, printSocketAddress, type SocketAddress } from './socket-address.ts'

/**
 * Both servers are on unless a flag of kube-proxy's sets their port to 0.
 *
 * @param flags of which --healthz-port and --metrics-port count here
 * @param given says which of the fields were set, and where
 * @param problems takes what is wrong with them
 */
export function serversConfig(
  kubeProxy: KubeProxyValues,
  flags: Flags,
  given: GivenValues,
  problems: ConfigProblem[],
): ServersConfig {
  const address = parseAddress(kubeProxy.bindAddress)
  const family = address === undefined ? 'IPv4' : familyOf(address)
  const healthzPort = readPort('healthz-port', flags, 10_256, problems)
  const metricsPort = readPort('metrics-port', flags, 10_249, problems)
  const at = (written: string, standard: SocketAddress): SocketAddress | undefined =>
    standard.port === 0 ? undefined : (parseSocketAddress(written, standard.port) ?? standard)
  const healthz = at(kubeProxy.healthzBindAddress, { address: unspecifiedAddress(family), port: healthzPort })
  const metrics = at(kubeProxy.metricsBindAddress, { address: loopbackAddress(family), port: metricsPort })
  if (healthz !== undefined && metrics !== undefined && overlap(healthz, metrics))
    problems.push(conflict({ healthz, metrics }, flags, given))
  return {
    ...(healthz === undefined ? {} : { healthz }),
    ...(metrics === undefined ? {} : { metrics }),
    bindAddressHardFail: kubeProxy.bindAddressHardFail,
    enableProfiling: kubeProxy.enableProfiling,
    showHiddenMetricsForVersion: kubeProxy.showHiddenMetricsForVersion,
  }
}

/** Whether no two servers can have them: an unspecified address is every one, of both families. */
function overlap(one: SocketAddress, other: SocketAddress): boolean {
  const isEvery = ({ address }: SocketAddress) => address === unspecifiedAddress(familyOf(address))
  return one.port === other.port && (one.address === other.address || isEvery(one) || isEvery(other))
}

type ServerName = 'healthz' | 'metrics'

/** Told of the one that was set, the metrics' first. */
function conflict(
  addresses: Readonly<Record<ServerName, SocketAddress>>,
  flags: Flags,
  given: GivenValues,
): ConfigProblem {
  const said = (name: ServerName): Omit<Given, 'value'> | undefined => {
    const [port] = flagTexts(flags, `${name}-port`)
    return (
      given.get(`${name}BindAddress`) ??
      (port === undefined ? port : { setting: `--${name}-port`, text: port })
    )
  }
  const [one, other]: readonly [ServerName, ServerName] =
    said('metrics') === undefined ? ['healthz', 'metrics'] : ['metrics', 'healthz']
  const address = printSocketAddress(addresses[other])
  const { setting: by, text, ...place } = said(one) ?? { setting: `${one}BindAddress`, text: address }
  const otherField = said(other)?.setting ?? `${other}BindAddress by its default`
  return problemOf(
    { ...place, setting: by, text },
    `conflicts with ${otherField}, ${address}: one port of an address has one server. Give one of the two another port; the defaults are 10256 for healthz and 10249 for metrics`,
  )
}

function readPort(
  name: 'healthz-port' | 'metrics-port',
  flags: Flags,
  standard: number,
  problems: ConfigProblem[],
): number {
  const [text] = flagTexts(flags, name)
  if (text === undefined) return standard
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN
  if (port <= 65_535) return port
  problems.push({ setting: `--${name}`, value: text, fix: 'write a port from 1 to 65535, or 0 for none' })
  return standard
}
