import { type Command, Option } from 'commander'
import {
  commandFlags,
  type FlagName,
  flagsBesideFile,
  kubeProxyFlags,
  portolanFlags,
} from '../config/config-flags.ts'
import type { Field } from '../config/field.ts'
import { kubeProxyFields } from '../config/kube-proxy-fields.ts'
import { portolanFields } from '../config/portolan-fields.ts'

/** Flags as the help groups them. Flags of kube-proxy's that do nothing here come last. */
export const flagGroups = {
  'Cluster and node:': [
    'config',
    'kubeconfig',
    'master',
    'kube-api-content-type',
    'source',
    'recording-speed',
    'node',
    'hostname-override',
    'bind-address',
  ],
  'Dataplane:': ['dataplane', 'dataplane-option', 'proxy-mode'],
  'Services:': [
    'cluster-cidr',
    'detect-local-mode',
    'pod-bridge-interface',
    'pod-interface-name-prefix',
    'nodeport-addresses',
    'iptables-localhost-nodeports',
    'masquerade-all',
    'masquerade-bit',
    'iptables-masquerade-bit',
    'ipvs-scheduler',
    'ipvs-exclude-cidrs',
    'ipvs-tcp-timeout',
    'ipvs-tcpfin-timeout',
    'ipvs-udp-timeout',
  ],
  'Servers:': [
    'healthz-bind-address',
    'metrics-bind-address',
    'healthz-port',
    'metrics-port',
    'bind-address-hard-fail',
    'profiling',
  ],
  'Node:': [
    'take-over',
    'drain-timeout',
    'startup-taint',
    'oom-score-adj',
    'conntrack-max-per-core',
    'conntrack-min',
    'conntrack-tcp-timeout-established',
    'conntrack-tcp-timeout-close-wait',
    'conntrack-tcp-be-liberal',
    'conntrack-udp-timeout',
    'conntrack-udp-timeout-stream',
  ],
  'Timing and log:': [
    'min-sync-period',
    'iptables-min-sync-period',
    'ipvs-min-sync-period',
    'iptables-sync-period',
    'ipvs-sync-period',
    'audit-period',
    'log-level',
    'v',
  ],
  'Once, instead of running:': ['write-config-to', 'cleanup', 'init-only'],
  'Taken because kube-proxy has them, without effect:': [
    'feature-gates',
    'kube-api-qps',
    'kube-api-burst',
    'config-sync-period',
    'ipvs-strict-arp',
    'show-hidden-metrics-for-version',
    'vmodule',
    'logging-format',
    'log-flush-frequency',
    'log-text-split-stream',
    'log-text-info-buffer-size',
    'log-json-split-stream',
    'log-json-info-buffer-size',
  ],
} as const satisfies Readonly<Record<string, readonly FlagName[]>>

type FlagGroup = keyof typeof flagGroups

/** What commands other than `run` need to read a node's Services as `run` does; they take the others, unseen. */
const groupsOfTables: readonly FlagGroup[] = ['Cluster and node:', 'Dataplane:', 'Services:']

/**
 * All flags that decide about a node's Services: kube-proxy's by their names, and Portolan's own. What stands after them
 * is read by `resolveConfig`, so that a mistake in one is told the same way everywhere.
 */
export function addConfigOptions(command: Command, of: 'run' | 'tables'): Command {
  for (const [group, names] of Object.entries(flagGroups)) {
    const isShown = of === 'run' || groupsOfTables.includes(group as FlagGroup)
    if (!isShown && group.startsWith('Once')) continue
    if (isShown) command.optionsGroup(group)
    for (const name of names) command.addOption(flagOption(name).hideHelp(!isShown))
  }
  return command
}

/** What an installed configuration may say; the rest of it is the node's, or the pod's own. */
const groupsOfInstallation: readonly FlagGroup[] = [
  'Dataplane:',
  'Services:',
  'Servers:',
  'Node:',
  'Timing and log:',
]

/** Ports alone are no field of a configuration file. */
const notInstalled: readonly FlagName[] = ['healthz-port', 'metrics-port', 'v']

/** Flags of `run` by which `install` writes a configuration; those that few need are taken without being shown. */
export function addInstalledOptions(command: Command): Command {
  for (const group of groupsOfInstallation) {
    const isShown = groupsOfTables.includes(group) || group === 'Servers:'
    if (isShown) command.optionsGroup(group)
    for (const name of flagGroups[group])
      if (!notInstalled.includes(name)) command.addOption(flagOption(name).hideHelp(!isShown))
  }
  return command
}

/** What a flag sets, and how the help and the reference speak of it. */
export interface FlagDescription {
  readonly name: FlagName
  /** The fields that it sets, all of one kind. */
  readonly paths: readonly string[]
  readonly field?: Field<unknown>
  readonly means: string
  /** As an operator would write it; '' where there is none to tell. */
  readonly standard: string
  /** What stands after it: `duration`; absent: nothing has to. */
  readonly placeholder?: string
  /** Whether it counts beside --config. */
  readonly isBesideFile: boolean
}

export function describeFlag(name: FlagName): FlagDescription {
  const isOwn = Object.hasOwn(portolanFlags, name)
  const isBesideFile = isOwn || flagsBesideFile.has(name)
  if (Object.hasOwn(commandFlags, name)) {
    const means = commandFlags[name as keyof typeof commandFlags]
    const placeholder = commandPlaceholders[name as keyof typeof commandFlags]
    return {
      name,
      paths: [],
      means,
      standard: '',
      isBesideFile,
      ...(placeholder === '' ? {} : { placeholder }),
    }
  }
  const paths: readonly string[] = { ...kubeProxyFlags, ...portolanFlags }[
    name as keyof typeof kubeProxyFlags
  ]
  const fields: Readonly<Record<string, Field<unknown>>> = isOwn ? portolanFields : kubeProxyFields
  const field = fields[paths[0] ?? '']
  if (field === undefined) throw new Error(`--${name} sets no field`)
  const written = field.kind.toDocument(field.standard)
  const isTold = ['string', 'number'].includes(typeof written) || written === true
  const standard = isTold && written !== '0s' ? String(written) : ''
  const isSwitch = field.kind.name === 'boolean'
  const placeholder = isSwitch ? {} : { placeholder: field.kind.name.toLowerCase().replaceAll(' ', '') }
  return { name, paths, field, means: field.means, standard, isBesideFile, ...placeholder }
}

const commandPlaceholders = {
  config: 'file',
  'write-config-to': 'file',
  cleanup: '',
  'init-only': '',
  master: 'url',
  'healthz-port': 'port',
  'metrics-port': 'port',
  source: 'kind:path',
  'recording-speed': 'factor',
} as const satisfies Record<keyof typeof commandFlags, string>

function flagOption(name: FlagName): Option {
  const { means, standard, placeholder, isBesideFile, paths } = describeFlag(name)
  const star = isBesideFile && !Object.hasOwn(portolanFlags, name) && paths.length > 0 ? ' *' : ''
  const text = `${means}${standard === '' ? '' : ` (default: ${standard})`}${star}`
  // After a switch of Go's, as in --masquerade-all=false, a value may stand.
  const value = placeholder === undefined ? '[boolean]' : `<${placeholder}>`
  if (name === 'v')
    return new Option(`-v, --v ${value}`, text).argParser((written) => written.replace(/^=/, ''))
  const option = new Option(`--${name} ${value}`, text)
  return name === 'dataplane-option' ? option.argParser(collect) : option
}

function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value]
}
