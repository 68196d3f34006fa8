import type { ClusterRecord } from '../../cluster/records.ts'

/** How the names and addresses of records are written. */
export interface RecordRewriter {
  rewrite(record: ClusterRecord): ClusterRecord
  /** The key of a record that may be gone. */
  rewriteKey(kind: ClusterRecord['kind'], key: string): string
}

/** Leaves records as they are. */
export const plainRecords: RecordRewriter = {
  rewrite: (record) => record,
  rewriteKey: (_kind, key) => key,
}
