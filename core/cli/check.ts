import { hostname } from 'node:os'
import { assumedEndpoints } from '../check/assumed-endpoints.ts'
import { ableNodes, strangeNodes } from '../check/cluster-nodes.ts'
import { describeReport } from '../check/describe-report.ts'
import { hazards } from '../check/hazards.ts'
import { nodeFindings } from '../check/node-findings.ts'
import { type CheckReport, type DataplaneReport, isClean, type Skipped } from '../check/report.ts'
import { sampleNode } from '../check/sample-node.ts'
import { servedByDataplane, servedByKubeProxy } from '../check/served-table.ts'
import { type Comparison, serviceDifferences } from '../check/service-differences.ts'
import { shownValue } from '../cluster/problem-report.ts'
import type { ClusterRecord, NodeRecord, ObjectProblem } from '../cluster/records.ts'
import { type Flags, flagTexts } from '../config/config-flags.ts'
import { nodeName } from '../config/node-name.ts'
import type { ProxyConfig } from '../config/proxy-config.ts'
import { resolveConfig, type Section } from '../config/resolve-config.ts'
import type { Dataplane, ProbeReport } from '../dataplane/contract.ts'
import { loadDataplane, ownDataplanes } from '../dataplane/load-dataplane.ts'
import { CodedError } from '../error/coded-error.ts'
import { architectures } from '../install/daemon-set.ts'
import { familyOf, type IpFamily } from '../network/address.ts'
import { type NodeState, readNodeState } from '../node/node-state.ts'
import { askCluster, type KubeProxyInCluster } from './check-cluster.ts'
import { type CheckedSettings, modeOf, settingsThen, settingsToday, unknownMode } from './check-settings.ts'
import { environment } from './environment.ts'
import { type ClusterReading, readCluster } from './read-cluster.ts'
import { exitCodes, usageError } from './user-error.ts'
import { readVersion } from './version.ts'

export type CheckFlags = Flags & {
  /** kube-proxy's mode today; absent: as its configuration says. */
  readonly fromMode?: Section
  /** Whether this machine is looked at though it is no Node of the cluster. */
  readonly thisNode?: boolean
  readonly json?: boolean
}

/** Says what would not be as it is today with Portolan in kube-proxy's place; changes nothing. */
export async function check(flags: CheckFlags): Promise<void> {
  const report = await checkReport(flags, (line) => console.error(`portolan: ${line}`))
  if (flags.json === true) console.log(JSON.stringify(report, null, 2))
  else for (const line of describeReport(report, process.stdout.columns)) console.log(line)
  if (!report.clean) process.exitCode = exitCodes.failure
}

/** @param say takes lines for the operator */
export async function checkReport(flags: CheckFlags, say: (line: string) => void): Promise<CheckReport> {
  const asked = dataplanesOf(flags)
  const reading = await readNamedCluster(flags, say)
  const { cluster, beside, skipped } = reading
  const settings = { flags, inCluster: beside.configuration, file: await readFile(flags) }
  const nodes = cluster?.records.filter((record) => record.kind === 'Node') ?? []
  const own = nodeName(flagTexts(flags, 'hostname-override')[0] ?? flagTexts(flags, 'node')[0], hostname())
  const isHere = flags.thisNode === true || cluster === undefined || nodes.some(({ key }) => key === own)
  if (!isHere)
    skipped.push({
      what: 'this machine',
      why: 'no Node of the cluster has its name',
      fix: "run 'portolan check' on a node, or with --this-node",
    })
  const state = isHere ? await readNodeState() : undefined
  if (state !== undefined) skipped.push(...unseenOf(state))
  if (flags.fromMode === undefined) skipped.push(...unknownModes(settings))
  const today = modeToday(flags, settings, state?.kubeProxyRules ?? [])
  const node = nodes.find(({ key }) => key === own) ?? nodes[0]
  const dataplanes: DataplaneReport[] = []
  const problems: ObjectProblem[] = []
  for (const named of asked) {
    const { config, report } = settingsThen(settings, named)
    const dataplane = config === undefined ? undefined : await load(config)
    const services =
      cluster === undefined || config === undefined || dataplane === undefined
        ? null
        : compare(
            { cluster, config, dataplane, node, today: settingsToday(settings, today.mode) },
            today.mode,
            problems,
          )
    dataplanes.push({
      dataplane: config?.dataplane ?? named ?? '',
      probe: isHere && dataplane !== undefined ? await probe(dataplane) : null,
      configuration: report,
      nodes:
        beside.nodes === undefined || dataplane === undefined
          ? null
          : ableNodes(beside.nodes, dataplane.capabilities),
      services,
    })
  }
  const findings = {
    node:
      state === undefined
        ? null
        : {
            name: own,
            findings: nodeFindings(
              state,
              dataplanes.map(({ dataplane }) => dataplane),
              cluster === undefined ? undefined : familiesOf(cluster),
            ),
          },
    dataplanes,
    hazards:
      cluster === undefined
        ? null
        : [
            ...strangeNodes(beside.nodes ?? [], architectures),
            ...hazards(cluster.records, problems, beside.hostPorts),
          ],
  }
  const description = cluster?.description ?? null
  return {
    version: readVersion(),
    clean: isClean(findings),
    cluster: description,
    today,
    nodes: beside.nodes ?? null,
    ...findings,
    skipped,
  }
}

/** What this process may not see of the machine. */
function unseenOf({ chains, legacyForwardDrops, kubeProxyUnknown }: NodeState): readonly Skipped[] {
  const skipped: Skipped[] = []
  if (chains === undefined)
    skipped.push({
      what: 'rules of other programs on this machine',
      why: 'nft does not list them',
      fix: 'run it as root, with nft installed',
    })
  if (legacyForwardDrops === undefined || kubeProxyUnknown.includes('iptables-legacy'))
    skipped.push({
      what: 'rules of iptables-legacy on this machine, of which there are some',
      why: 'iptables-legacy does not list them',
      fix: "run it as root, with iptables installed; in a container with CAP_NET_RAW and the node's /run/xtables.lock",
    })
  return skipped
}

/** Families in which Services have addresses; `undefined`: there are no Services. */
function familiesOf({ records }: ClusterReading): ReadonlySet<IpFamily> | undefined {
  const services = records.filter((record) => record.kind === 'Service')
  if (services.length === 0) return undefined
  return new Set(services.flatMap(({ clusterIPs }) => clusterIPs.map(familyOf)))
}

interface NamedCluster {
  /** Absent: none is named. */
  readonly cluster?: ClusterReading
  readonly beside: KubeProxyInCluster
  readonly skipped: Skipped[]
}

const sourcesOfCluster = ['source', 'kubeconfig', 'master'] as const

/**
 * That of --source or --kubeconfig, or the pod's own, which a pod that is there for the node alone may not read. A file's
 * kubeconfig is a path in kube-proxy's pod.
 */
async function readNamedCluster(flags: CheckFlags, say: (line: string) => void): Promise<NamedCluster> {
  const isNamed = sourcesOfCluster.some((name) => flagTexts(flags, name).length > 0)
  const fix = 'give --kubeconfig FILE, or --source file:cluster.yaml'
  const without = (why: string): NamedCluster => ({
    beside: { skipped: [] },
    skipped: [{ what: 'Services', why, fix }],
  })
  if (isNamed) return await readWholeCluster(flags, say)
  if (!environment().inCluster) return without('no cluster is named')
  try {
    return await readWholeCluster(flags, say)
  } catch (error) {
    if (!(error instanceof CodedError)) throw error
    return without(`the cluster of this pod can't be read: ${error.message}`)
  }
}

async function readWholeCluster(flags: CheckFlags, say: (line: string) => void): Promise<NamedCluster> {
  const { source, kubeconfig, master, recordingSpeed } = flags
  const named = Object.entries({ source, kubeconfig, master, recordingSpeed })
  const given: Flags = Object.fromEntries(named.filter(([, value]) => value !== undefined))
  const { config } = resolveConfig(given, environment())
  let beside: KubeProxyInCluster = { skipped: [] }
  const cluster = await readCluster(config.source, undefined, say, async (api) => {
    beside = await askCluster(api)
  })
  const skipped: Skipped[] = [...beside.skipped]
  if (config.source.from === 'file' || config.source.from === 'recording')
    skipped.push({
      what: 'host ports of pods, and versions of nodes',
      why: 'they are read from an API server alone',
      fix: 'give --kubeconfig FILE',
    })
  if (cluster.problems.length > 0)
    skipped.push({
      what: `${cluster.problems.length} values of objects`,
      why: 'Portolan leaves them out, for they are not valid',
      fix: "'portolan plan' with the same cluster names each",
    })
  return { cluster, beside, skipped }
}

async function readFile(flags: CheckFlags): Promise<CheckedSettings['file']> {
  const [path = ''] = flagTexts(flags, 'config')
  if (path === '') return undefined
  const { readConfigFile } = await import('../config/config-file.ts')
  return { document: await readConfigFile(path), from: path }
}

/** By what the operator says, else kube-proxy's own configuration, else its rules on this node. */
function modeToday(
  { fromMode }: CheckFlags,
  { inCluster, file }: CheckedSettings,
  rules: readonly string[],
): CheckReport['today'] {
  if (fromMode !== undefined) return { mode: fromMode, by: '--from-mode' }
  for (const named of [inCluster, file]) {
    const mode = named === undefined ? undefined : modeOf(named.document)
    if (mode !== undefined) return { mode, by: named?.from ?? '' }
  }
  const by = 'by its rules on this node'
  if (rules.some((rule) => rule.includes('kube-ipvs0'))) return { mode: 'ipvs', by }
  if (rules.some((rule) => rule.startsWith('table '))) return { mode: 'nftables', by }
  if (rules.length > 0) return { mode: 'iptables', by }
  return { mode: 'iptables', by: 'taken as its default; --from-mode says another' }
}

/** A mode that kube-proxy doesn't start with. One that runs was started before it was written. */
function unknownModes({ inCluster, file }: CheckedSettings): readonly Skipped[] {
  const named = inCluster ?? file
  const mode = named === undefined ? undefined : unknownMode(named.document)
  if (named === undefined || mode === undefined) return []
  return [
    {
      what: "kube-proxy's mode today",
      why: `${named.from} has mode ${shownValue(mode)}, which kube-proxy refuses to start with`,
      fix: 'write iptables, ipvs or nftables there, or say by --from-mode what runs',
    },
  ]
}

/** `undefined` stands for the one that the configuration says. @throws {UserError} where no name is between commas */
function dataplanesOf(flags: CheckFlags): readonly (string | undefined)[] {
  const [text = ''] = flagTexts(flags, 'dataplane')
  if (text === '') return [undefined]
  const named = text.split(',').map((name) => name.trim())
  const names = [...new Set(named.flatMap((name) => (name === 'all' ? Object.keys(ownDataplanes) : [name])))]
  if (names.includes(''))
    throw usageError(
      `--dataplane '${text}': a name is missing`,
      'write names with commas between them, or all',
    )
  return names
}

/** @throws {DataplaneLoadError} */
function load({ dataplane, dataplaneSettings: settings, masqueradeBit }: ProxyConfig): Promise<Dataplane> {
  return loadDataplane(dataplane, { masqueradeBit, settings })
}

/** A probe that fails is one that says no. */
async function probe(dataplane: Dataplane): Promise<ProbeReport> {
  try {
    return await dataplane.probe()
  } catch (error) {
    const what = error instanceof Error ? error.message : String(error)
    return { usable: false, problems: [{ what, fix: 'run it as root on the node' }], facts: {} }
  }
}

interface Compared {
  readonly cluster: ClusterReading
  readonly config: ProxyConfig
  readonly today: ProxyConfig
  readonly dataplane: Dataplane
  readonly node: NodeRecord | undefined
}

/** @param problems takes the claims that one Service loses to another */
function compare(
  { cluster, config, today, dataplane, node }: Compared,
  mode: Section,
  problems: ObjectProblem[],
): DataplaneReport['services'] {
  const { records } = cluster
  const { name, capabilities } = dataplane
  const sample = sampleNode(node, [today.nodePortAddresses, config.nodePortAddresses])
  const compared = (
    all: readonly ClusterRecord[],
    onProblem?: (problem: ObjectProblem) => void,
  ): Comparison => {
    const served = { records: all, node: sample }
    return {
      before: servedByKubeProxy(served, today, mode),
      after: servedByDataplane(served, config, capabilities, onProblem),
      node: sample,
      dataplane: name,
    }
  }
  const assumed = assumedEndpoints(records)
  return serviceDifferences(
    records,
    compared(records, (problem) => problems.push(problem)),
    ...(assumed.length === 0 ? [] : [compared([...records, ...assumed])]),
  )
}
