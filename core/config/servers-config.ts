import { familyOf, parseAddress } from '../network/address.ts'
import { loopbackAddress, unspecifiedAddress } from '../network/special-addresses.ts'
import type { ConfigProblem } from './config-error.ts'
import { type Flags, flagTexts } from './config-flags.ts'
import type { KubeProxyValues } from './kube-proxy-fields.ts'
import type { ServersConfig } from './proxy-config.ts'
import { parseSocketAddress, type SocketAddress } from './socket-address.ts'

/**
 * Both servers are on unless a flag of kube-proxy's sets their port to 0.
 *
 * @param flags of which --healthz-port and --metrics-port count here
 * @param problems takes what is wrong with them
 */
export function serversConfig(
  kubeProxy: KubeProxyValues,
  flags: Flags,
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
  return {
    ...(healthz === undefined ? {} : { healthz }),
    ...(metrics === undefined ? {} : { metrics }),
    bindAddressHardFail: kubeProxy.bindAddressHardFail,
    enableProfiling: kubeProxy.enableProfiling,
    showHiddenMetricsForVersion: kubeProxy.showHiddenMetricsForVersion,
  }
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
