export { type Accepted, type Exposition, expose } from './exposition.ts'
export { type MeasuredProxy, ProxyMetrics } from './proxy-metrics.ts'
