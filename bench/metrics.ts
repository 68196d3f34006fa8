/** What a benchmark measures, by name. */
export type Unit = 'ms' | 'us' | 'bytes' | 'count' | 'per second' | 'bytes per second'

export interface Metric {
  readonly unit: Unit
  /** Whether less of it is better; `undefined`: it only tells what happened. */
  readonly better: 'lower' | 'higher' | undefined
  /** A sentence for a reader of the report. */
  readonly meaning: string
}

/** Every metric that a result may name. */
export const metrics = {
  startToProgrammed: {
    unit: 'ms',
    better: 'lower',
    meaning: 'From the start of the process until the kernel holds all rules.',
  },
  listToCommit: {
    unit: 'ms',
    better: 'lower',
    meaning: "From the first byte of the API server's list until the kernel holds all rules.",
  },
  listToCommitCpu: {
    unit: 'ms',
    better: 'lower',
    meaning: 'CPU time in between, of the process and of the tools that it started.',
  },
  eventToCommit: {
    unit: 'ms',
    better: 'lower',
    meaning: "From the event's first byte at the process until the kernel has committed the change.",
  },
  eventToFirstPacket: {
    unit: 'ms',
    better: 'lower',
    meaning: 'From the write at the API server until a new connection first reaches the right endpoint.',
  },
  receivedToFirstPacket: {
    unit: 'ms',
    better: 'lower',
    meaning:
      "From the event's first byte at the process until a new connection first reaches the right endpoint.",
  },
  parse: { unit: 'ms', better: 'lower', meaning: "From the event's first byte until it is a record." },
  tableChange: {
    unit: 'ms',
    better: 'lower',
    meaning: 'From the record until the routing table is told of it.',
  },
  wait: {
    unit: 'ms',
    better: 'lower',
    meaning: 'Until work on it begins: the rest of the same read, or an apply under way.',
  },
  compute: { unit: 'ms', better: 'lower', meaning: 'Finding what differs in the routing table.' },
  compile: { unit: 'ms', better: 'lower', meaning: "Compiling the difference to the dataplane's program." },
  apply: { unit: 'ms', better: 'lower', meaning: 'Applying the program to the kernel.' },
  computeAndApply: {
    unit: 'ms',
    better: 'lower',
    meaning: 'Difference, compile and apply together: the time in which nothing else can be applied.',
  },
  cpu: {
    unit: 'ms',
    better: 'lower',
    meaning: 'CPU time of the process and of the tools it started, user and system, of the whole scenario.',
  },
  cpuPerChange: { unit: 'ms', better: 'lower', meaning: 'The same, divided by the number of changes.' },
  cpuUser: { unit: 'ms', better: 'lower', meaning: 'Its part in user mode, of the process itself.' },
  cpuSystem: { unit: 'ms', better: 'lower', meaning: 'Its part in the kernel, of the process itself.' },
  childCpu: { unit: 'ms', better: 'lower', meaning: 'Its part in tools that the process started.' },
  rssRetained: { unit: 'bytes', better: 'lower', meaning: 'Resident memory when the scenario had ended.' },
  rssPeak: {
    unit: 'bytes',
    better: 'lower',
    meaning: 'The most resident memory since the process started.',
  },
  heap: { unit: 'bytes', better: 'lower', meaning: "JavaScript's heap in use, after a garbage collection." },
  eventLoopDelay: {
    unit: 'ms',
    better: 'lower',
    meaning: 'How long the process was deaf: by how much a timer of 5 ms was late.',
  },
  bytesToKernel: { unit: 'bytes', better: 'lower', meaning: 'Sent to the kernel or a tool, per apply.' },
  operations: { unit: 'count', better: 'lower', meaning: 'Kernel operations, per apply.' },
  kernelMemory: {
    unit: 'bytes',
    better: 'lower',
    meaning: 'By how much the kernel grew while all rules were loaded: slabs, vmalloc and per-CPU memory.',
  },
  mapMemory: { unit: 'bytes', better: 'lower', meaning: 'Memory of the BPF maps that the process holds.' },
  connectionsTried: {
    unit: 'count',
    better: undefined,
    meaning:
      'New connections to a Service while changes were made: to one that they do not concern, or (first-packet) to the one that is changed.',
  },
  connectionsLost: {
    unit: 'count',
    better: 'lower',
    meaning:
      'Those of them whose first packet had to be sent again, by the count of the kernel, or that were not answered.',
  },
  changesOffered: {
    unit: 'per second',
    better: undefined,
    meaning:
      'Changes that the API server was given: less than the scenario asks for, if the machine was too busy.',
  },
  changesPerSecond: { unit: 'per second', better: 'higher', meaning: 'Changes that came into the kernel.' },
  lag: {
    unit: 'ms',
    better: 'lower',
    meaning: 'During steady change, from the write at the API server to the commit.',
  },
  lagGrowth: {
    unit: 'ms',
    better: 'lower',
    meaning:
      'By how much the median lag of the last quarter exceeds that of the second: zero, if it keeps up.',
  },
  failureToCommit: {
    unit: 'ms',
    better: 'lower',
    meaning: 'From a failed apply to the commit of its repetition, back-off included.',
  },
  connectNone: {
    unit: 'us',
    better: undefined,
    meaning: 'A TCP connect by address, past all Services: what the path itself costs.',
  },
  connectFirst: {
    unit: 'us',
    better: 'lower',
    meaning: 'A TCP connect to the Service that comes first in order.',
  },
  connectMiddle: { unit: 'us', better: 'lower', meaning: 'A TCP connect to the Service in the middle.' },
  connectLast: {
    unit: 'us',
    better: 'lower',
    meaning: 'A TCP connect to the Service that comes last in order.',
  },
  connectSampled: {
    unit: 'us',
    better: 'lower',
    meaning:
      "A TCP connect to each of 32 Services all over the cluster: each one's median is a sample, the slowest is max.",
  },
  udpConnectBare: {
    unit: 'us',
    better: undefined,
    meaning:
      "connect(2) of the node's own UDP socket while no proxy runs, to no Service: what the call itself costs.",
  },
  udpConnectNone: {
    unit: 'us',
    better: 'lower',
    meaning: 'The same to no Service, with the proxy: what other connects pay.',
  },
  udpConnectService: { unit: 'us', better: 'lower', meaning: 'The same to a Service.' },
  throughputBare: {
    unit: 'bytes per second',
    better: undefined,
    meaning:
      "One TCP flow from outside to a pod by its own address while no proxy runs: the machine's own speed.",
  },
  throughputNodePort: {
    unit: 'bytes per second',
    better: 'higher',
    meaning: 'The same flow through a NodePort.',
  },
  driftCheck: {
    unit: 'ms',
    better: 'lower',
    meaning: 'A check whether anything else changed the rules, as made every second.',
  },
  driftCheckCpu: { unit: 'ms', better: 'lower', meaning: 'CPU time of it, with the tools that it started.' },
  readBack: {
    unit: 'ms',
    better: 'lower',
    meaning: 'Reading the kernel back and comparing it with the table, as an audit does.',
  },
  readBackCpu: { unit: 'ms', better: 'lower', meaning: 'CPU time of it, with the tools that it started.' },
  cleanup: { unit: 'ms', better: 'lower', meaning: 'Removing everything from the kernel.' },
  rssGrowth: {
    unit: 'bytes',
    better: 'lower',
    meaning:
      'By how much resident memory at its highest in the last half of a soak exceeds that in the first, after a warm-up.',
  },
  changes: { unit: 'count', better: undefined, meaning: 'Endpoints that a soak replaced.' },
  rssAfterWarmUp: {
    unit: 'bytes',
    better: 'lower',
    meaning: 'Resident memory of a soak after its warm-up, at its highest up to the middle of what follows.',
  },
  heapAfterWarmUp: {
    unit: 'bytes',
    better: 'lower',
    meaning: "JavaScript's heap at the end of a soak's warm-up, after a garbage collection.",
  },
  listParse: { unit: 'ms', better: 'lower', meaning: 'All objects from JSON text to records.' },
  tableBuild: { unit: 'ms', better: 'lower', meaning: 'All records into the routing table.' },
  recordToChange: {
    unit: 'us',
    better: 'lower',
    meaning: 'From a changed record to the difference of the table, without a dataplane.',
  },
  apiServerCpu: {
    unit: 'ms',
    better: 'lower',
    meaning: "A given API server's CPU time for the start of one node: its lists, and the watches begun.",
  },
  apiServerBytes: {
    unit: 'bytes',
    better: 'lower',
    meaning: 'Sent by a given API server for the start of one node, with TLS.',
  },
  listCpuPerNode: {
    unit: 'ms',
    better: 'lower',
    meaning: "The API server's CPU time for one node that lists and begins to watch, in protobuf.",
  },
  listBytesPerNode: {
    unit: 'bytes',
    better: 'lower',
    meaning: 'Sent by the API server to one node that lists and begins to watch, in protobuf.',
  },
  eventCpuPerNode: {
    unit: 'us',
    better: 'lower',
    meaning: "The API server's CPU time for one event to one watching node, in protobuf.",
  },
  eventBytesPerNode: {
    unit: 'bytes',
    better: 'lower',
    meaning: 'Sent by the API server for one event to one watching node, in protobuf.',
  },
  listCpuPerNodeJson: { unit: 'ms', better: 'lower', meaning: 'The same of a list in JSON.' },
  listBytesPerNodeJson: { unit: 'bytes', better: 'lower', meaning: 'The same of a list in JSON.' },
  eventCpuPerNodeJson: { unit: 'us', better: 'lower', meaning: 'The same of an event in JSON.' },
  eventBytesPerNodeJson: { unit: 'bytes', better: 'lower', meaning: 'The same of an event in JSON.' },
} as const satisfies Readonly<Record<string, Metric>>

export type MetricName = keyof typeof metrics
