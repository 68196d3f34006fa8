import { type Command, Option } from 'commander'

/**
 * The flags that `run`, `plan` and `explain` share: which cluster, which node, which dataplane, and kube-proxy's own
 * by their names. They are read by `parseFlags`, so that a mistake in one is told the same way everywhere.
 */
export function addClusterOptions(command: Command): Command {
  return command
    .optionsGroup('Cluster and node:')
    .option(
      '--kubeconfig <file>',
      "read the cluster that this kubeconfig names (in a pod: the pod's own cluster)",
    )
    .option(
      '--source <kind:path>',
      'file:PATH: Service, EndpointSlice and Node objects in YAML or JSON; recording:PATH: what portolan record wrote',
    )
    .option('--recording-speed <factor>', 'speed at which a recording is replayed, as a factor (default: 1)')
    .option('--node <name>', "this node's name (default: the host name)")
    .option('--hostname-override <name>', 'the same as --node')
    .option(
      '--bind-address <ip>',
      "this node's address, where its Node object doesn't tell it; nothing is bound",
    )
    .optionsGroup('Dataplane:')
    .option(
      '--dataplane <name>',
      'nftables, iptables, ipvs, ebpf, an installed package, or a path that starts with ./ or / (default: nftables)',
    )
    .addOption(
      new Option(
        '--dataplane-option <name=value>',
        "an option of the dataplane, see 'portolan help-dataplane NAME'; may be given again",
      ).argParser(collect),
    )
    .optionsGroup('As in kube-proxy:')
    .option('--cluster-cidr <cidrs>', 'ranges of pod addresses: one CIDR, or one of each family')
    .option(
      '--detect-local-mode <mode>',
      'how local pods are detected: ClusterCIDR, NodeCIDR, BridgeInterface, InterfaceNamePrefix (default: ClusterCIDR)',
    )
    .option('--pod-bridge-interface <name>', "the pods' bridge, in mode BridgeInterface")
    .option(
      '--pod-interface-name-prefix <prefix>',
      "prefix of the names of pods' interfaces, in mode InterfaceNamePrefix",
    )
    .option(
      '--nodeport-addresses <list>',
      'where NodePorts answer: CIDRs, primary, localhost, all (default: primary)',
    )
    .option('--masquerade-all', 'masquerade everything that goes to a ClusterIP')
    .option('--masquerade-bit <bit>', 'bit of the packet mark that asks for masquerade (default: 14)')
    .option('--iptables-masquerade-bit <bit>', 'the same as --masquerade-bit')
}

function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value]
}
