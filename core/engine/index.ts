export * from './engine.ts'
export * from './observer.ts'
export type { LiveTable } from './sync-loop.ts'
export * from './timing.ts'
