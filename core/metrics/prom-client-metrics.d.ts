/** prom-client's default metrics one by one, which it has no types of. */
declare module 'prom-client/lib/metrics/*.js' {
  import type { Registry } from 'prom-client'

  const add: (registry: Registry, options?: { readonly eventLoopMonitoringPrecision?: number }) => void
  export default add
}
