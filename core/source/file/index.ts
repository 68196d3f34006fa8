export * from './cluster-file.ts'
export { ClusterFileError } from './documents.ts'
export * from './file-source.ts'
