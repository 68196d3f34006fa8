interface EventMeaning {
  readonly level: 'info' | 'warn' | 'error' | 'fatal'
  readonly means: string
  /** What the operator should do; absent: nothing. */
  readonly fix?: string
}

/**
 * Every event that a log line can report, with its meaning: docs/operating.md is generated from it. A name is stable once
 * released; fields that come with it may be added.
 */
export const events = {
  starting: { level: 'info', means: 'the process starts: its version, dataplane and node' },
  'setting-not-read': {
    level: 'warn',
    means:
      'a field of the configuration file that is unknown or given twice, or a flag of kube-proxy beside --config: the start goes on without it',
    fix: "correct it; 'portolan config check' names all of them",
  },
  'mode-not-set': {
    level: 'warn',
    means: 'the KubeProxyConfiguration has no mode, so that the dataplane is iptables, as in kube-proxy',
    fix: 'set mode: a later kube-proxy takes nftables where there is none',
  },
  'config-reloaded': {
    level: 'info',
    means:
      'the file of --config has changed, and the process follows: the level of the log, or what has no effect; or it is mended, and says again what is in force',
  },
  'config-changed': {
    level: 'warn',
    means:
      'the file of --config has changed in `fields` that a running process cannot follow; it ends with exit code 1, and the rules stay',
    fix: 'nothing, where a supervisor starts it again',
  },
  'config-refused': {
    level: 'error',
    means:
      'the file of --config has changed and cannot be used, or asks for a dataplane that cannot run or take over here; the process goes on with what it has',
    fix: 'correct the file: a start by it would fail',
  },
  'dataplane-usable': {
    level: 'info',
    means: 'the dataplane can run on this node: the families that it serves, and what it found',
  },
  'predecessor-found': {
    level: 'info',
    means:
      'rules of another dataplane of Portolan stand on this node: they serve until this one holds all that the cluster asks, and go then',
  },
  'predecessor-unseen': {
    level: 'warn',
    means:
      'whether rules of another dataplane, or with --take-over of kube-proxy, stand on this node can not be told, twice in a row: a tool is missing, or the container lacks what it takes; looked for each minute, told once',
    fix: 'what the line names; in a cluster give the pod what the other one needs (changing.md), or look on the node itself',
  },
  'predecessor-at-work': {
    level: 'info',
    means:
      'kube-proxy still runs beside this process, with --take-over; told each minute. Both hold what the cluster asks',
    fix: 'stop kube-proxy on this node: its rules go then',
  },
  'predecessor-loses': {
    level: 'warn',
    means: 'what Services lose by the change of the dataplane, told before anything of the old one goes',
    fix: 'to stay with the old one, end the process and start it with --dataplane and its name',
  },
  'predecessor-kept': {
    level: 'error',
    means:
      'the rules of the dataplane before stay as they are, since this one cannot run, does not hold what the cluster asks, or forwarded packets would be dropped',
    fix: 'what the line names; or start Portolan with the old dataplane again, which then removes what this one has left',
  },
  'predecessor-drains': {
    level: 'info',
    means:
      'every new connection is led by this dataplane; the one before goes on with established `connections` until none is left, or drainTimeout is over; told each minute',
  },
  'predecessor-removed': { level: 'info', means: 'nothing of the dataplane before is left on this node' },
  'predecessor-not-removed': {
    level: 'warn',
    means: 'a part of the dataplane before could not be removed; it is tried again each minute',
    fix: "what the line names; 'portolan cleanup --dataplane NAME' tries by hand once the process is stopped",
  },
  'sysctl-set': {
    level: 'info',
    means: 'a sysctl of connection tracking is set, as in kube-proxy; `before` is what it was',
  },
  'sysctl-not-set': {
    level: 'warn',
    means: 'a sysctl of connection tracking could not be set, and stays as it is; everything else goes on',
    fix: "run 'portolan run --init-only' in a privileged container, set it on the node, or give 0 for it",
  },
  'oom-score-not-set': {
    level: 'warn',
    means: "the process's oom_score_adj could not be set",
    fix: 'give the container the capability SYS_RESOURCE, or choose a higher value',
  },
  waiting: {
    level: 'info',
    means: 'the start still waits for what the line names; the rules are as the last process left them',
    fix: 'look at the warnings above it; for podCIDRs, at the controller that assigns them',
  },
  'resource-synced': { level: 'info', means: 'a list from the API server is complete' },
  'resource-unavailable': {
    level: 'info',
    means: 'an optional resource is not served or not permitted; the node goes on without it',
    fix: 'grant list and watch where it says so',
  },
  'cluster-synced': { level: 'info', means: 'all lists are complete, so that the first apply begins' },
  'node-in-sync': { level: 'info', means: 'the kernel does what the cluster asks, in every family' },
  'first-apply': { level: 'info', means: 'the first apply of a family is done' },
  'changes-applied': {
    level: 'info',
    means: 'a summary each minute: applies, routes, kernel operations, the longest apply',
  },
  'apply-failed': {
    level: 'error',
    means:
      'the kernel or a tool refused an apply, or the dataplane failed; it is retried with the newest table after 0.1 s, ' +
      'doubling to 30 s',
    fix: "if it goes on: `operation` names what was refused, 'portolan plan --from kernel' prints the rest",
  },
  'flows-forgotten': {
    level: 'info',
    means:
      'flows of UDP that led to no endpoint of their Service any more are forgotten; counted each minute, ' +
      'with the longest pass',
  },
  'flows-not-forgotten': {
    level: 'warn',
    means:
      'a pass through the flows of UDP failed: clients that keep their port may stay with an endpoint that is gone; ' +
      'it is tried again after 1 s, doubling to 60 s',
    fix: 'the kernel needs nf_conntrack_netlink, and the process CAP_NET_ADMIN, as the message says',
  },
  'apply-recovered': { level: 'info', means: 'an apply succeeded after failures' },
  'route-degraded': {
    level: 'warn',
    means: 'one route cannot be programmed as specified: a limit of the dataplane, with the reason',
    fix: "see the limits on the dataplane's layout page",
  },
  'route-recovered': { level: 'info', means: 'a degraded route works as specified again' },
  'dataplane-log': { level: 'info', means: 'a line of a dataplane, for its author' },
  'dataplane-notice': { level: 'warn', means: 'something the dataplane wants the operator to know' },
  'drift-found': {
    level: 'warn',
    means: "another tool changed Portolan's rules; `findings` names what, and it is repaired",
    fix: 'find the tool: see [Drift](#drift)',
  },
  'drift-repaired': { level: 'info', means: 'the drift is repaired' },
  'dataplane-disagrees': {
    level: 'error',
    means: 'the dataplane reads back something other than it has just written; no other tool did that',
    fix: 'report it to the author of the dataplane',
  },
  'dataplane-fault': {
    level: 'error',
    means: 'a method of the dataplane failed, hangs or returned nonsense; the core goes on',
    fix: 'restart, and report it to the author of the dataplane',
  },
  'node-changed': {
    level: 'info',
    means:
      "interfaces, addresses or pods' namespaces changed and the dataplane followed; counted each minute",
  },
  'api-failed': {
    level: 'warn',
    means:
      'a request to the API server failed; `code` says how, see [error codes](errors.md). It is retried for ever',
    fix: 'the address, its certificate, or the RBAC above, as the message says',
  },
  'api-recovered': { level: 'info', means: 'a resource is watched again after failures' },
  'api-silent': {
    level: 'warn',
    means:
      'nothing came from the API server for 4 to 6 s, not even an answer to a ping; another connection is tried',
    fix: 'the network to it, or its load',
  },
  'api-answers': { level: 'info', means: 'the API server answers again' },
  'events-forbidden': {
    level: 'warn',
    means: "Events can't be told through the API server; said once, with its answer",
    fix: 'grant create and patch on `events.events.k8s.io`',
  },
  'credentials-unreadable': {
    level: 'warn',
    means: 'tokens or certificates could not be renewed; the previous ones stay in use',
    fix: 'check the file or the exec plugin',
  },
  'object-problem': {
    level: 'warn',
    means:
      'an object, or one value of it, cannot be used and is left out; everything else goes on. 1,000 at once, then one a second',
    fix: 'correct the object',
  },
  'object-problems': {
    level: 'warn',
    means:
      'how many there have been, by field: after the start, then every ten minutes if there are new ones',
  },
  'parser-failed': {
    level: 'error',
    means: 'a defect of Portolan: an object that it cannot parse is left out',
    fix: 'report it, with the object',
  },
  'kinds-ignored': {
    level: 'info',
    means: 'the file of --source has objects of kinds that do not matter here',
  },
  'file-polled': {
    level: 'warn',
    means: 'the file of --source cannot be watched, so it is looked at every two seconds',
  },
  'recording-failed': {
    level: 'error',
    means: 'the rest of a recording cannot be used; the state reached so far stays',
    fix: 'record again',
  },
  'recording-torn': { level: 'warn', means: 'the recording was cut off; what came before it was played' },
  'recording-played': { level: 'info', means: 'the recording has been played; its last state stays' },
  'server-listening': { level: 'info', means: 'an HTTP server listens on the address that the line names' },
  'server-unavailable': {
    level: 'warn',
    means:
      'an HTTP server cannot listen on its address; it is tried again every 5 s, and everything else goes on',
    fix: "the program that has the port ('ss -ltnp' names it), or the address",
  },
  'health-check-unavailable': {
    level: 'warn',
    means:
      "a Service's healthCheckNodePort cannot be listened on, so load balancers send this node nothing of it; it is tried " +
      'again every 5 s, and 20 of them are told at a time',
    fix: "the program that has the port ('ss -ltnp' names it)",
  },
  'health-check-available': { level: 'info', means: "a Service's healthCheckNodePort is served after all" },
  'request-failed': {
    level: 'error',
    means: 'a defect of Portolan: an HTTP server could not answer a request; told once a minute at most',
    fix: 'report it, with the `stack`',
  },
  'addresses-unreadable': {
    level: 'warn',
    means: "this node's addresses cannot be read; those known so far stay",
    fix: 'check whether the process is out of file descriptors or memory',
  },
  'addresses-readable': { level: 'info', means: "this node's addresses can be read again" },
  'node-object-changed': {
    level: 'info',
    means:
      "this node's Node object has other addresses or another zone, starts or stops leaving, or is there again",
  },
  'node-object-deleted': {
    level: 'warn',
    means: 'the Node object is deleted; what is known of it stays, and Services are followed',
    fix: 'find out who deletes Nodes, unless this machine is to go',
  },
  'no-pod-detection': {
    level: 'warn',
    means:
      'nothing distinguishes local pods from other clients: no masquerade to ClusterIPs, no short cut for pods',
    fix: 'clusterCIDR (--cluster-cidr), or another detectLocalMode (--detect-local-mode)',
  },
  'nodeports-everywhere': {
    level: 'warn',
    means:
      'nodePortAddresses has ranges of one family only, so that NodePorts of the other answer at all addresses',
    fix: 'add a range of that family, or primary',
  },
  'no-nodeport-addresses': {
    level: 'warn',
    means: 'no address of this node is known, so NodePorts answer nowhere',
    fix: 'hostnameOverride, bindAddress or nodePortAddresses, or their flags, as the message says',
  },
  'startup-taint-removed': {
    level: 'info',
    means: 'Services work here for the first time, and the taint that kept pods off this node is taken away',
  },
  'startup-taint-stays': {
    level: 'warn',
    means:
      'the taint that keeps pods off this node can not be taken away; it is tried again, two minutes apart at most',
    fix: "apply the manifests of 'portolan install --startup-taint' (Kubernetes 1.32 or newer); by hand: kubectl taint node NODE portolan.dev/not-in-sync-",
  },
  'kube-proxy-beside': {
    level: 'warn',
    means:
      'kube-proxy has rules on this node, left behind or of one that runs; both translate. Looked at each minute',
    fix: "stop kube-proxy on this node, then run 'kube-proxy --cleanup' there",
  },
  'kube-proxy-unseen': {
    level: 'info',
    means:
      'whether kube-proxy has rules here by `layouts` can not be told, twice in a row: the tool is missing, or the container lacks what it takes',
    fix: "look on the node itself: 'iptables-legacy-save | grep KUBE-', 'nft list tables'",
  },
  'kube-proxy-gone': { level: 'info', means: "kube-proxy's rules are gone" },
  'localhost-port-unavailable': {
    level: 'warn',
    means:
      'a NodePort does not answer at loopback, since nobody can listen there; it is tried again each minute at least',
    fix: 'free the port (`ss -lntp` shows who has it), give the Service another NodePort, or leave localhost out of nodePortAddresses (--nodeport-addresses)',
  },
  'localhost-port-available': { level: 'info', means: 'a NodePort answers at loopback after all' },
  'localhost-connections-full': {
    level: 'warn',
    means:
      'a connection to a NodePort at loopback was refused, since too many are relayed; told once a minute',
    fix: "have clients use an address of the node, or an endpoint's; more are relayed where the process may open more files",
  },
  'localhost-forwarding-failed': {
    level: 'error',
    means: 'the thread that relays connections to NodePorts at loopback failed; it is started again',
    fix: 'report it, with the error',
  },
  'state-kept': {
    level: 'warn',
    means:
      'the Node object or ServiceCIDRs are unknown at this start, so that what the kernel has of them stays',
    fix: 'check why the Node is missing; the RBAC above',
  },
  stopping: { level: 'info', means: 'a signal asks the process to end' },
  stopped: { level: 'info', means: 'the process ends; the rules stay in place' },
  'stop-failed': { level: 'error', means: 'a part could not be stopped; the process ends, the rules stay' },
  'stop-without-apply': {
    level: 'error',
    means: 'an apply has not ended 10 s after the signal; the process ends without it',
    fix: 'report it to the author of the dataplane',
  },
  'log-lost': {
    level: 'warn',
    means:
      'before this, `lines` of the log could not be written, as on a disk that is full; stderr has the reason',
    fix: 'make room where stdout goes',
  },
  'left-open': {
    level: 'warn',
    means: 'the dataplane left a timer or a socket open; the process ends anyway',
  },
  'start-failed': {
    level: 'warn',
    means:
      'the start failed, and a part of it could not be closed either; the error that ends the process follows',
  },
  'stray-error': {
    level: 'fatal',
    means: 'an error that no caller handles, such as in a timer of a dataplane; exit 1, the rules stay',
    fix: 'report it, with the `stack`',
  },
} as const satisfies Readonly<Record<string, EventMeaning>>

/** The `event` of a log line. */
export type LogEvent = keyof typeof events
