/** What is to be installed: everything that the operator decides, checked. */
export interface Installation {
  /** One of Portolan's own: what others need of a node, only their authors know. */
  readonly dataplane: string
  readonly dataplaneOptions: Readonly<Record<string, string>>
  /** What flags say of Portolan's other settings. */
  readonly ownSettings: readonly OwnSetting[]
  /** Whether it takes away the taint that keeps pods off new nodes, which takes a right. */
  readonly startupTaint: boolean
  /** Whether it takes nodes over from kube-proxy, which takes seeing kube-proxy's process and its rules. */
  readonly takeOver: boolean
  readonly image: string
  /** Of the DaemonSet, its account, role and ConfigMap. */
  readonly name: string
  readonly namespace: string
  readonly configuration: InstalledConfiguration
  /** Labels of nodes, `kubernetes.io/os: linux` among them. */
  readonly nodeSelector: Readonly<Record<string, string>>
  /** Where /healthz and /livez answer; no host: at every address. */
  readonly healthz: { readonly host: string; readonly port: number }
  /** Absent: metrics are served to the node's own processes alone. */
  readonly metricsPort?: number
}

/** A setting that kube-proxy has no word for. */
export interface OwnSetting {
  /** `audit-period` */
  readonly flag: string
  /** `auditPeriod` */
  readonly path: string
  /** As a file has it, and a flag in its text: `5s`, true. */
  readonly value: unknown
}

export type InstalledConfiguration =
  /** Made of the flags: a KubeProxyConfiguration with what differs from the defaults. */
  | {
      readonly from: 'options'
      readonly apiServer: string
      readonly kubeProxy: Readonly<Record<string, unknown>>
    }
  /** The operator's file as it is, with the path of the kubeconfig that it names, or ''. */
  | {
      readonly from: 'file'
      readonly text: string
      readonly kubeconfig: string
      readonly apiServer: string
    }
  /** One that is in the cluster, with `config.conf` and the kubeconfig that this names. */
  | { readonly from: 'configMap'; readonly name: string }
