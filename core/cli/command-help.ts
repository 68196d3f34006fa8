// What the help of each command says after its options.

export const exitCodeHelp = `
Exit codes: 0 done, 1 failed, 2 the command line or the configuration is wrong.`

export const programHelp = `
Try it on a file, without a cluster and without root:
  $ portolan explain --source file:docs/sample-cluster.yaml --node node-a --from outside --to 203.0.113.10:80
  $ portolan plan    --source file:docs/sample-cluster.yaml --node node-a
${exitCodeHelp}`

export const runHelp = `
Examples:
  $ portolan run --config /var/lib/kube-proxy/config.conf      # in a pod with kube-proxy's ConfigMap, as kubeadm has it
  $ portolan run --kubeconfig /etc/kubernetes/kube-proxy.conf --cluster-cidr 10.244.0.0/16
  $ portolan run --detect-local-mode NodeCIDR                  # in a pod, against its own cluster
  $ portolan run --source file:cluster.yaml --node node-a      # re-read when the file changes
  $ portolan run --config config.conf --take-over              # beside a kube-proxy, which is stopped then

Started on a node that another dataplane of Portolan's has served, it takes over from that without a gap: docs/changing.md.

*: counts beside --config, as do --master, --source and all flags of Portolan's own, such as --dataplane and --log-level;
other flags are not read then. Durations are written as 250ms, 1s or 1m30s.

Logs: JSON lines, or text where stdout is a terminal.
${exitCodeHelp}`

export const switchHelp = `
Example:
  $ portolan switch ebpf
docs/changing.md says what happens then, and how to go back.
${exitCodeHelp}`

export const checkHelp = `
Run it from anywhere with a kubeconfig, and on a node: there it also probes what each dataplane needs, and looks who else
is at work. Needs list on what 'portolan run' reads; where it may, it also reads ConfigMap kube-system/kube-proxy, which
says how kube-proxy runs, and pods, for their host ports. What it could not look at it says.

--dataplane takes several, with commas between them, or all. --config is what Portolan would run by; without it that is
kube-proxy's own configuration. Each difference has a word in front: lost (served today, and not then), opened (answers
then, and not today), changed (served or refused in another way), note (nothing to decide).

--json prints {"version", "clean", "cluster", "today", "node", "dataplanes", "hazards", "skipped"}: docs/check.md has all of it.

Examples:
  $ portolan check --kubeconfig ~/.kube/config
  $ portolan check --kubeconfig ~/.kube/config --dataplane all --json
  $ portolan check --source file:cluster.yaml --from-mode ipvs --config portolan.yaml
  $ portolan check                                             # on a node: whether it can run nftables

Exit codes: 0 nothing but notes, 1 something else, such as a configuration that can't be used, or it failed, 2 the command
line is wrong.`

export const statusHelp = `
Run it on the node, in the network namespace that Portolan serves: in its pod, or on the node itself.

--json prints {"version", "pid", "node", "dataplane", "since", "now", "well", "families", "source", "problems", "skipped",
"drift"}: docs/check.md has all of it.

Examples:
  $ portolan status
  $ kubectl -n kube-system exec POD -- portolan status --json

Exit codes: 0 it is well, 1 it isn't, or nothing runs here, 2 the command line is wrong.`

export const planHelp = `
The program goes to stdout, a summary to stderr. An empty program: nothing to do. From nothing, this node's
addresses are those of its Node object; from the kernel, those of this machine.

Examples:
  $ portolan plan --source file:cluster.yaml --node node-a
  $ portolan plan --source file:cluster.yaml --node node-a --dataplane iptables
  $ portolan plan --kubeconfig ~/.kube/config --node node-a --from kernel   # what 'run' would do now
${exitCodeHelp}`

export const explainHelp = `
'pod' is a pod on this node, 'node' a process on the node itself, 'outside' anything else; an IP address is
classified as the node would. This node's addresses are those of its Node object.

--json prints {"verdict", "endpoints", "masquerade", "route", "frontend", "reason", "rules", "masqueraded", "fix",
"kernel"}. The verdict is balance, reject, drop, or none: Portolan doesn't touch the packet. Route and frontend are null
where no Service answers. masquerade: whether every connection is; masqueraded: to which of the endpoints. kernel is null
but with '--from kernel': {"checked", "unchecked", "missing"}, and the exit code is 1 when something is missing. That needs
root, and this node's addresses are those of this machine.

Examples:
  $ portolan explain --source file:cluster.yaml --node node-a --from outside --to 203.0.113.10:80
  $ portolan explain --source file:cluster.yaml --node node-a --from pod --to 10.96.0.53:53/UDP --cluster-cidr 10.244.0.0/16
  $ portolan explain --source file:cluster.yaml --node node-a --from 198.51.100.7 --to node:30080 --json
  $ portolan explain --kubeconfig ~/.kube/config --from outside --to 203.0.113.10:80 --from kernel   # on the node
${exitCodeHelp}`

export const recordHelp = `
Needs list and watch on services, nodes, endpointslices.discovery.k8s.io and servicecidrs.networking.k8s.io.
'zcat FILE' shows what is in it: look before you give it away.

Examples:
  $ portolan record --kubeconfig ~/.kube/config --minutes 10 -o cluster.rec
  $ portolan bench --recording cluster.rec
  $ portolan explain --source recording:cluster.rec --node NODE --from pod --to IP:PORT
${exitCodeHelp}`

export const installHelp = `
Flags of 'run' for the node, the timing and the log are taken as well. --api-server is needed, because the address that
pods are given (KUBERNETES_SERVICE_HOST) is a ClusterIP, which only answers once a proxy has programmed it. 'kubectl config
view --minify' shows another. With --config-map it isn't: the kubeconfig.conf in there has one.

Examples:
  $ portolan install --print --api-server 192.0.2.10:6443 --cluster-cidr 10.244.0.0/16 | kubectl apply -f -
  $ portolan install --print --config-map kube-proxy --dataplane nftables    # with kubeadm's settings, as they are
  $ portolan install --print --api-server 192.0.2.10:6443 --config config.conf --node-selector portolan.dev/proxy=yes
  $ portolan install --print --startup-taint ...   # no pods on a node that is made with the taint portolan.dev/not-in-sync
                                                   # until its Services work
${exitCodeHelp}`

export const configCheckHelp = `
--json prints {"file", "usable", "dataplane", "used", "ignored", "differs", "problems"}; a field that is used has "field",
"value", "isStandard" and "at", the others "setting", "why" or "fix", and "at".

Examples:
  $ portolan config check /var/lib/kube-proxy/config.conf
  $ kubectl -n kube-system get cm kube-proxy -o jsonpath='{.data.config\\.conf}' > c && portolan config check c

Exit codes: 0 it can be used, 1 it can't, or it can't be read, 2 the command line is wrong.`

export const cleanupHelp = `
Examples:
  $ portolan cleanup                                           # of nftables, iptables, ipvs and ebpf
  $ portolan cleanup --dataplane iptables                      # both variants of iptables
  $ portolan cleanup --dataplane @acme/portolan-dataplane-vpp
${exitCodeHelp}`

export const versionHelp = `
--json prints {"portolan", "contract", "node", "kernel", "architecture", "dataplanes", "bench", "eval"}; contract is the
version of what Portolan and a dataplane agree on. A dataplane has "name", "version", "families", "protocols" and "gaps",
the names of what it lacks. bench and eval are null where they aren't installed.
${exitCodeHelp}`
