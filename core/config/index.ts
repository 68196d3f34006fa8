export * from './config-error.ts'
export * from './flags.ts'
export * from './pod-source.ts'
export * from './proxy-config.ts'
