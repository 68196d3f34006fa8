export type { ClusterSink, ClusterSource } from './cluster-source.ts'
export * from './file/index.ts'
export * from './kubernetes/index.ts'
export type { Logger } from './logger.ts'
