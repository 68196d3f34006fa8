/** What a scenario is called in plots and tables. */
const names: Readonly<Record<string, string>> = {
  'cold-start': 'Cold start',
  'warm-restart': 'Warm restart',
  'endpoint-replaced': 'One endpoint replaced',
  'service-added': 'Service added',
  'service-deleted': 'Service deleted',
  'port-changed': 'Port changed',
  'rolling-update': 'Rolling update, one step',
  'endpoints-100': '100 endpoints in one slice',
  'zone-changed': 'Zone label changed',
  'churn-20': 'Churn, 20 changes/s',
  'churn-200': 'Churn, 200 changes/s',
  'churn-2000': 'Churn, 2,000 changes/s',
  'large-service': 'Change in a Service of 10,000',
  'failed-apply': 'Failed apply, then retry',
  'first-packet': 'First packet after a change',
  'first-packet-quiet': 'First packet, changes 300 ms apart',
  'first-packet-churn': 'First packet during churn',
  connect: 'TCP connect',
  'connect-sampled': 'TCP connect to 32 Services',
  'node-connect': 'UDP connect of the node',
  throughput: 'Throughput of one flow',
  audit: 'Audit while nothing changes',
  cleanup: 'Clean-up',
  soak: 'Soak',
  core: 'Core alone',
  replay: 'Replay of a recording',
  'watch-load': 'Watch load on the API server',
}

/** In the order of reading; a scenario that is not named here comes after them, by its own name. */
export const scenarioOrder: readonly string[] = Object.keys(names)

export function scenarioName(scenario: string): string {
  return Object.hasOwn(names, scenario) ? (names[scenario] ?? scenario) : scenario
}

/** All scenarios that a run has results of, in the order of reading. */
export function scenariosOf(results: readonly { readonly scenario: string }[]): string[] {
  const place = (scenario: string): number => {
    const at = scenarioOrder.indexOf(scenario)
    return at === -1 ? scenarioOrder.length : at
  }
  const found = [...new Set(results.map(({ scenario }) => scenario))]
  return found.sort((a, b) => place(a) - place(b) || a.localeCompare(b, 'en'))
}
