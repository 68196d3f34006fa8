import { posix } from 'node:path'
import { stringify } from 'yaml'
import type { Installation } from './installation.ts'
import type { Manifest } from './manifest.ts'
import { metadataOf } from './metadata.ts'

/** Names of the files, as kubeadm's ConfigMap has them. */
const configFile = 'config.conf'

/** Where kubeadm mounts it, and where the kubeconfig is that its configuration names. */
export const kubeadmFolder = '/var/lib/kube-proxy'

const accountFolder = '/var/run/secrets/kubernetes.io/serviceaccount'

/** Where the configuration is in the container. */
export function configPath(installation: Installation): string {
  return posix.join(configFolder(installation), configFile)
}

/** The folder that the ConfigMap is mounted at. */
export function configFolder({ configuration }: Installation): string {
  const named = configuration.from === 'file' ? configuration.kubeconfig : ''
  return named === '' ? kubeadmFolder : posix.dirname(named)
}

/** None where there is one in the cluster already. */
export function configurationMap(installation: Installation): readonly Manifest[] {
  const { configuration } = installation
  if (configuration.from === 'configMap') return []
  const kubeconfig =
    configuration.from === 'file' ? configuration.kubeconfig : `${kubeadmFolder}/kubeconfig.conf`
  return [
    {
      object: {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: metadataOf(installation),
        data: {
          [configFile]:
            configuration.from === 'file'
              ? configuration.text
              : ownConfiguration(installation, configuration.kubeProxy),
          ...(kubeconfig === ''
            ? {}
            : { [posix.basename(kubeconfig)]: kubeconfigText(configuration.apiServer) }),
        },
      },
      comments: {
        data: 'A change is followed within two minutes: by the running process where it can, else by a restart of the container, which keeps the rules.',
      },
    },
  ]
}

/** In YAML 1.1, as kube-proxy reads it: what the flags say, and behind it, where kube-proxy doesn't read, what it has no word for. */
function ownConfiguration(
  { dataplane, dataplaneOptions, ownSettings }: Installation,
  given: Readonly<Record<string, unknown>>,
): string {
  const kubeProxy = {
    apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
    kind: 'KubeProxyConfiguration',
    ...given,
    clientConnection: { kubeconfig: `${kubeadmFolder}/kubeconfig.conf` },
  }
  const settings = {
    ...(given.mode === dataplane ? {} : { dataplane }),
    ...(Object.keys(dataplaneOptions).length === 0 ? {} : { dataplaneOptions }),
    ...Object.fromEntries(ownSettings.map(({ path, value }) => [path, value])),
  }
  const portolan = { apiVersion: 'portolan.dev/v1alpha1', kind: 'PortolanConfiguration', ...settings }
  const documents = Object.keys(settings).length === 0 ? [kubeProxy] : [kubeProxy, portolan]
  return documents.map((document) => stringify(document, { version: '1.1' })).join('---\n')
}

/** Of the pod's account, at a server that isn't reached through a Service. */
function kubeconfigText(server: string): string {
  const name = 'portolan'
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name, cluster: { server, 'certificate-authority': `${accountFolder}/ca.crt` } }],
    users: [{ name, user: { tokenFile: `${accountFolder}/token` } }],
    contexts: [{ name, context: { cluster: name, user: name } }],
    'current-context': name,
  })
}
