export { LocalhostForwarding } from './localhost-forwarding.ts'
export { serveForwarding } from './serve-forwarding.ts'
