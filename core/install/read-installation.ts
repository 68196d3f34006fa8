import { posix } from 'node:path'
import { parseConfigDocument } from '../config/config-document.ts'
import { ConfigError, type ConfigProblem } from '../config/config-error.ts'
import { portolanFlags } from '../config/config-flags.ts'
import { type Fields, toDocument } from '../config/field.ts'
import { kubeProxyFields } from '../config/kube-proxy-fields.ts'
import { portolanFields } from '../config/portolan-fields.ts'
import { type ResolvedConfig, resolveConfig } from '../config/resolve-config.ts'
import { isLoopback } from '../network/special-addresses.ts'
import { apiServerUrl } from './api-server-url.ts'
import type { GivenFile, InstallFlags } from './install-options.ts'
import type { Installation, InstalledConfiguration, OwnSetting } from './installation.ts'
import { clusterName } from './metadata.ts'
import { nodeAccess } from './node-access.ts'

/** A name that may stand in a label as well, because pods are found by it. */
const dnsLabel = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/
const dnsLabelOfAnyLength = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/
const labelKey = /^([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?\/)?[A-Za-z0-9]([\w.-]{0,61}[A-Za-z0-9])?$/
const labelValue = /^([A-Za-z0-9]([\w.-]{0,61}[A-Za-z0-9])?)?$/

/** Of Kubernetes' own that may be a name here; the others have a colon. */
const clusterRoles: ReadonlySet<string> = new Set(['admin', 'cluster-admin', 'edit', 'view'])

/** As container runtimes read it: a registry, a path in lower case, a tag, a digest. */
const imageName = (() => {
  const label = '[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?'
  const registry = `(?:${label}(?:\\.${label})*|\\[[0-9a-fA-F:]+\\])(?::\\d+)?`
  const part = '[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*'
  return new RegExp(`^(?:${registry}/)?${part}(?:/${part})*(?::\\w[\\w.-]{0,127})?(?:@sha256:[0-9a-f]{64})?$`)
})()
const imageFix = 'write NAME:TAG or NAME@sha256:DIGEST, in lower case and without https://'

/** Where healthz answers unless the configuration says otherwise. */
const standardHealthz = { host: '', port: 10256 } as const

/**
 * What the command line asks to be installed.
 *
 * @param file that of --config
 * @param version of this program, by which its image is named
 * @throws {ConfigError} naming everything that can't be used
 */
export function readInstallation(
  flags: InstallFlags,
  file: GivenFile | undefined,
  version: string,
): Installation {
  const { apiServer: _, configMap, image, name, namespace, nodeSelector, ...ofRun } = flags
  const problems: ConfigProblem[] = []
  const resolved = resolveFlags(ofRun, file, problems)
  const installation = {
    dataplane: resolved.config.dataplane,
    dataplaneOptions: resolved.portolan.dataplaneOptions,
    ownSettings: ownSettings(resolved),
    startupTaint: resolved.portolan.startupTaint,
    takeOver: resolved.portolan.takeOver,
    image: checked('--image', image ?? `portolan:${version}`, imageName, imageFix),
    name: checked('--name', name ?? 'portolan', dnsLabel, dnsLabelFix),
    namespace: checked('--namespace', namespace ?? 'kube-system', dnsLabel, dnsLabelFix),
    nodeSelector: readSelector(nodeSelector ?? [], problems),
    configuration: readConfiguration(flags, file, resolved, problems),
    ...servers(resolved, configMap !== undefined),
  }
  if (installation.name === 'kube-proxy' && installation.namespace === 'kube-system')
    problems.push({
      setting: '--name',
      value: installation.name,
      fix: "kube-proxy's own DaemonSet and account have that name, which this would change: take another one, such as portolan",
    })
  if (clusterRoles.has(clusterName(installation)))
    problems.push({
      setting: '--name',
      value: installation.name,
      fix: 'Kubernetes has a ClusterRole of that name, which this would replace: take another one, such as portolan',
    })
  if (nodeAccess[installation.dataplane] === undefined)
    problems.push({
      setting: '--dataplane',
      value: installation.dataplane,
      fix: `what it needs of a node only its author knows: print the manifests for one of ${Object.keys(nodeAccess).join(', ')}, and change capabilities, volumes and --dataplane in them`,
    })
  if (problems.length > 0) throw new ConfigError(problems)
  return installation

  function checked(setting: string, value: string, form: RegExp, fix: string): string {
    if (!form.test(value)) problems.push({ setting, value, fix })
    return value
  }
}

const dnsLabelFix = 'write up to 63 lower case letters, digits and -, such as portolan'

/** By the rules of `run`; flags that a file makes meaningless are mistakes here, where nothing else tells of them. */
function resolveFlags(
  flags: InstallFlags,
  file: GivenFile | undefined,
  problems: ConfigProblem[],
): ResolvedConfig {
  const { config: _, ...others } = flags
  const document = file === undefined ? undefined : parseConfigDocument(file.text, file.name)
  const resolved = resolveConfig(others, { inCluster: true }, document)
  if (file !== undefined)
    for (const { kind, setting, why } of resolved.notes)
      if (kind === 'flag') problems.push({ setting, fix: why })
  return resolved
}

function readConfiguration(
  flags: InstallFlags,
  file: GivenFile | undefined,
  resolved: ResolvedConfig,
  problems: ConfigProblem[],
): InstalledConfiguration {
  const { configMap } = flags
  if (configMap !== undefined) return readConfigMap(configMap, flags, file, resolved, problems)
  const apiServer = readApiServer(flags.apiServer, problems)
  if (file === undefined) {
    needPodDetection(resolved, problems)
    return { from: 'options', apiServer, kubeProxy: givenFields(resolved) }
  }
  const kubeconfig = resolved.kubeProxy['clientConnection.kubeconfig']
  const folder = posix.dirname(posix.normalize(kubeconfig))
  const isMountable = posix.isAbsolute(kubeconfig) && folder.split('/').length > 2
  if (kubeconfig !== '' && (!isMountable || posix.basename(kubeconfig) === 'config.conf'))
    problems.push({
      setting: 'clientConnection.kubeconfig',
      value: kubeconfig,
      fix: 'a kubeconfig is mounted there, beside the file itself: name one such as /var/lib/kube-proxy/kubeconfig.conf',
    })
  return { from: 'file', text: file.text, kubeconfig, apiServer }
}

/** What is in it isn't known here, so that a flag must say which dataplane it is for. */
function readConfigMap(
  name: string,
  flags: InstallFlags,
  file: GivenFile | undefined,
  { given, kubeProxy, portolan }: ResolvedConfig,
  problems: ConfigProblem[],
): InstalledConfiguration {
  if (name.length > 253 || !name.split('.').every((label) => dnsLabelOfAnyLength.test(label)))
    problems.push({
      setting: '--config-map',
      value: name,
      fix: 'write the name of a ConfigMap, such as kube-proxy',
    })
  if (file !== undefined)
    problems.push({
      setting: '--config-map',
      value: name,
      fix: 'conflicts with --config: give one of the two',
    })
  if (flags.apiServer !== undefined)
    problems.push({
      setting: '--api-server',
      value: flags.apiServer,
      fix: `the kubeconfig in the ConfigMap ${name} says where it is: leave one of the two out`,
    })
  if (portolan.dataplane === '')
    problems.push({
      setting: '--dataplane',
      fix: 'needed with --config-map: the pod gets the capabilities and volumes of that dataplane',
    })
  for (const [path, { setting }] of given)
    if (Object.hasOwn(kubeProxy, path))
      problems.push({
        setting,
        fix: `not read beside --config-map: write ${path} into the ConfigMap ${name}`,
      })
  return { from: 'configMap', name }
}

function readApiServer(text: string | undefined, problems: ConfigProblem[]): string {
  if (text === undefined) {
    problems.push({
      setting: '--api-server',
      fix:
        'needed: the address of the control plane, because the ClusterIP that pods are given only answers once a proxy ' +
        "has programmed it. 'kubectl config view --minify' shows one; it must be reachable from every node",
    })
    return ''
  }
  const url = apiServerUrl(text)
  if (url instanceof URL) return url.href.replace(/\/$/, '')
  problems.push({ setting: '--api-server', value: text, fix: url.fix })
  return ''
}

/** Nobody means to leave it out. */
function needPodDetection({ config }: ResolvedConfig, problems: ConfigProblem[]): void {
  const { podDetection } = config
  if (podDetection.mode !== 'ClusterCIDR' || podDetection.cidrs.length > 0) return
  problems.push({
    setting: '--cluster-cidr',
    fix: "needed: without the pods' ranges nothing tells pods from other clients. The network plugin has them; or give --detect-local-mode NodeCIDR, where Nodes have a podCIDR",
  })
}

/** The KubeProxyConfiguration that the flags come to, with what was said alone. */
function givenFields({ given, kubeProxy, section }: ResolvedConfig): Readonly<Record<string, unknown>> {
  const paths = Object.keys(kubeProxyFields).filter((path) => path !== 'mode' && given.has(path))
  const fields = Object.fromEntries(
    paths.map((path) => [path, kubeProxyFields[path as keyof typeof kubeProxyFields]]),
  ) as Fields
  return { mode: section, ...toDocument(fields, kubeProxy) }
}

/** What the manifests have no place of its own for; a file's are in the file. */
function ownSettings({ given, portolan }: ResolvedConfig): readonly OwnSetting[] {
  return Object.entries(portolanFlags).flatMap(([flag, [path]]) => {
    const said = given.get(path)
    if (path === 'dataplane' || path === 'dataplaneOptions') return []
    if (said === undefined || said.at !== undefined) return []
    return [{ flag, path, value: portolanFields[path].kind.toDocument(portolan[path] as never) }]
  })
}

function servers(
  { config }: ResolvedConfig,
  isUnknown: boolean,
): Pick<Installation, 'healthz' | 'metricsPort'> {
  const { healthz, metrics } = config.servers
  if (isUnknown || healthz === undefined) return { healthz: standardHealthz }
  const isEverywhere = healthz.address === '0.0.0.0' || healthz.address === '::'
  return {
    healthz: { host: isEverywhere ? '' : healthz.address, port: healthz.port },
    ...(metrics === undefined || isLoopback(metrics.address) ? {} : { metricsPort: metrics.port }),
  }
}

function readSelector(
  written: readonly string[],
  problems: ConfigProblem[],
): Readonly<Record<string, string>> {
  const labels = new Map([['kubernetes.io/os', 'linux']])
  for (const text of written) {
    const equals = text.indexOf('=')
    const [key, value] = equals < 0 ? ['', ''] : [text.slice(0, equals), text.slice(equals + 1)]
    const known = labels.get(key) ?? value
    if (!labelKey.test(key) || !labelValue.test(value))
      problems.push({
        setting: '--node-selector',
        value: text,
        fix: 'write a label of nodes as KEY=VALUE, such as portolan.dev/proxy=yes',
      })
    else if (known !== value)
      problems.push({
        setting: '--node-selector',
        value: text,
        fix: `no node has it beside ${key}=${known}: leave it out`,
      })
    labels.set(key, known)
  }
  return Object.fromEntries(labels)
}
