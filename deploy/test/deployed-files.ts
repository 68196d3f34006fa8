import type { InstallFlags } from '../../core/install/install-options.ts'
import { printManifests } from '../../core/install/manifest.ts'
import { manifestsOf } from '../../core/install/manifests.ts'
import { readInstallation } from '../../core/install/read-installation.ts'

/** The version that the files' image has: that of the command, until it is released. */
export const version = '0.1.0'

/** A file of `deploy/` that the command makes. */
export interface DeployedFile {
  readonly path: string
  /** As on the command line. */
  readonly command: string
  readonly flags: InstallFlags
  /** What its reader has to know or to change. */
  readonly about: string
}

export const deployedFiles: readonly DeployedFile[] = [
  {
    path: 'base/portolan.yaml',
    command: 'portolan install --print --api-server 192.0.2.10:6443 --cluster-cidr 10.244.0.0/16',
    flags: { apiServer: '192.0.2.10:6443', clusterCidr: '10.244.0.0/16' },
    about: `Portolan with the dataplane nftables. Yours are: the API server's address (kubeconfig.conf), clusterCIDR (config.conf)
and the image. The command below prints it with yours, and for other dataplanes; docs/install.md has the steps.`,
  },
  {
    path: 'kubeadm.yaml',
    command: 'portolan install --print --config-map kube-proxy --dataplane nftables',
    flags: { configMap: 'kube-proxy', dataplane: 'nftables' },
    about: `Portolan with the dataplane nftables and the settings that kubeadm has made for kube-proxy: those of the ConfigMap
kube-proxy, which stays as it is. Yours is the image. docs/install.md has the steps.`,
  },
]

/** Its text, as the command prints it, below what it is. */
export function textOf({ command, flags, about }: DeployedFile): string {
  const head = `${about}\n\n  ${command}`.split('\n').map((line) => `# ${line}`.trimEnd())
  return `${head.join('\n')}\n${printManifests(manifestsOf(readInstallation(flags, undefined, version)))}`
}
