import { firstForm, protobufType } from './content-types.ts'
import type { Fields } from './field.ts'
import {
  address,
  choice,
  duration,
  file,
  flag,
  gates,
  integer,
  maxInt32,
  name,
  number,
  socketAddress,
  text,
  version,
} from './field-kind.ts'
import { flushFrequency, quantity, vmodule } from './logging-kinds.ts'

const second = 1000
const minute = 60 * second
const hour = 60 * minute
const windows = { ignored: 'of Windows only' }
const log = { ignored: 'lines are written to stdout at once' }
const client = {
  ignored: "the API server is asked by Portolan's own client: over one connection, with its own pace",
}
const above = duration({ min: 1 })
const always = duration()

/** The fields of KubeProxyConfiguration that concern the process and its node rather than Services. */
export const processFields = {
  featureGates: {
    kind: gates,
    standard: {},
    means: "switches of kube-proxy's features",
    standing: { ignored: "they switch parts of kube-proxy's code" },
  },
  'clientConnection.kubeconfig': {
    kind: file,
    standard: '',
    means: "the cluster to read; empty: the pod's own",
  },
  'clientConnection.acceptContentTypes': {
    kind: text,
    standard: '',
    means: 'what the API server may answer with; empty: what contentType says, or JSON',
    standing: {
      differs:
        'protobuf, or JSON where the server has none, if it names protobuf before JSON; else JSON alone',
      of: (value) => value !== '',
    },
  },
  'clientConnection.contentType': {
    kind: text,
    standard: protobufType,
    means:
      'what is asked of the API server: protobuf, or JSON where it has none; or application/json, JSON alone',
    standing: {
      differs: 'what names neither protobuf nor JSON means JSON',
      of: (value) => firstForm(String(value)) === undefined,
    },
    emptyIsStandard: true,
  },
  'clientConnection.qps': {
    kind: number,
    standard: 5,
    means: 'requests a second',
    standing: client,
    emptyIsStandard: true,
  },
  'clientConnection.burst': {
    kind: integer(0, maxInt32),
    standard: 10,
    means: 'requests that may come together',
    standing: client,
    emptyIsStandard: true,
  },
  'logging.format': {
    kind: choice(['text', 'json']),
    standard: 'text',
    means: 'form of the log',
    standing: { ignored: 'lines are JSON, and text where stdout is a terminal' },
    emptyIsStandard: true,
  },
  'logging.flushFrequency': {
    kind: flushFrequency,
    standard: 5 * second,
    means: 'time until lines are written',
    standing: log,
    emptyIsStandard: true,
  },
  'logging.verbosity': {
    kind: integer(0, maxInt32),
    standard: 0,
    means: 'how much is logged',
    standing: { differs: '4 and more: level debug; less: info. --log-level and logLevel go before it' },
  },
  'logging.vmodule': {
    kind: vmodule,
    standard: [],
    means: 'how much files of kube-proxy log',
    standing: { ignored: "it names files of kube-proxy's source" },
  },
  'logging.options.text.splitStream': {
    kind: flag,
    standard: false,
    means: 'errors to stderr',
    standing: log,
  },
  'logging.options.text.infoBufferSize': {
    kind: quantity,
    standard: '0',
    means: 'bytes that may wait',
    standing: log,
  },
  'logging.options.json.splitStream': {
    kind: flag,
    standard: false,
    means: 'errors to stderr',
    standing: log,
  },
  'logging.options.json.infoBufferSize': {
    kind: quantity,
    standard: '0',
    means: 'bytes that may wait',
    standing: log,
  },
  hostnameOverride: { kind: name, standard: '', means: "this node's name; empty: the host name" },
  bindAddress: {
    kind: address,
    standard: '0.0.0.0',
    means: "this node's address, in place of what its Node object says; nothing is bound to it",
    standing: {
      differs: "it doesn't choose a primary family: both always run where the node has them",
      of: (value) => value !== '0.0.0.0' && value !== '::',
    },
    emptyIsStandard: true,
  },
  healthzBindAddress: {
    kind: socketAddress,
    standard: '',
    means:
      'where /healthz and /livez are served; empty: port 10256 at 0.0.0.0, or at [::] if bindAddress is of IPv6',
  },
  metricsBindAddress: {
    kind: socketAddress,
    standard: '',
    means: 'where /metrics is served; empty: port 10249 at 127.0.0.1, or at [::1] if bindAddress is of IPv6',
  },
  bindAddressHardFail: {
    kind: flag,
    standard: false,
    means: "where the address of healthz or metrics can't be had at the start, the process ends",
  },
  enableProfiling: {
    kind: flag,
    standard: false,
    means: '/debug/pprof at the address of metrics',
    standing: {
      differs: "profiles are V8's, for a browser's developer tools",
      of: (value) => value === true,
    },
  },
  showHiddenMetricsForVersion: {
    kind: version,
    standard: '',
    means: 'show metrics that were hidden in this version',
    standing: { ignored: 'no metric is hidden' },
  },
  oomScoreAdj: { kind: integer(-1000, 1000), standard: -999, means: "this process's oom_score_adj" },
  'conntrack.maxPerCore': {
    kind: integer(0, maxInt32),
    standard: 32_768,
    means: 'entries of conntrack for each CPU; 0: the limit is left as it is, whatever conntrack.min is',
    standing: { differs: 'a higher limit of the node is never lowered', of: (value) => Number(value) > 0 },
  },
  'conntrack.min': { kind: integer(0, maxInt32), standard: 131_072, means: 'entries of conntrack at least' },
  'conntrack.tcpEstablishedTimeout': {
    kind: always,
    standard: 24 * hour,
    means: 'until idle TCP connections expire; 0: left as it is',
  },
  'conntrack.tcpCloseWaitTimeout': {
    kind: always,
    standard: hour,
    means: 'until TCP connections in CLOSE_WAIT expire; 0: left as it is',
  },
  'conntrack.tcpBeLiberal': {
    kind: flag,
    standard: false,
    means: 'let TCP packets outside of the window through',
  },
  'conntrack.udpTimeout': {
    kind: always,
    standard: 0,
    means: 'until unanswered UDP flows expire; 0: left as it is',
  },
  'conntrack.udpStreamTimeout': {
    kind: always,
    standard: 0,
    means: 'until answered UDP flows expire; 0: left as it is',
  },
  configSyncPeriod: {
    kind: above,
    standard: 15 * minute,
    means: 'how often the API server is listed again',
    standing: { ignored: 'the API server is watched, and never listed again at intervals' },
    emptyIsStandard: true,
  },
  portRange: {
    kind: text,
    standard: '',
    means: 'of a mode that is gone',
    standing: { ignored: 'kube-proxy ignores it as well' },
  },
  windowsRunAsService: { kind: flag, standard: false, means: 'run as a service', standing: windows },
  'winkernel.networkName': { kind: text, standard: '', means: 'name of a network', standing: windows },
  'winkernel.sourceVip': { kind: text, standard: '', means: 'address for NAT', standing: windows },
  'winkernel.enableDSR': { kind: flag, standard: false, means: 'direct server return', standing: windows },
  'winkernel.rootHnsEndpointName': {
    kind: text,
    standard: '',
    means: 'name of an endpoint',
    standing: windows,
  },
  'winkernel.forwardHealthCheckVip': {
    kind: flag,
    standard: false,
    means: 'health checks at addresses of Services',
    standing: windows,
  },
} as const satisfies Fields
