import { exponentialBuckets, linearBuckets } from 'prom-client'

/** Upper bounds of histograms, in seconds. Those that kube-proxy has too are kube-proxy's (SEMANTICS 20). */
export const buckets = {
  /** Of one sync: 1 ms to 16.4 s. */
  sync: exponentialBuckets(0.001, 2, 15),
  /** From a change in the cluster to the kernel: 250 ms to 5 min. */
  networkProgramming: [
    ...linearBuckets(0.25, 0.25, 2),
    ...linearBuckets(1, 1, 59),
    ...linearBuckets(60, 5, 12),
    ...linearBuckets(120, 30, 7),
  ],
  /** Of one stage of an apply: 50 µs to 6.6 s. */
  stage: exponentialBuckets(0.000_05, 2, 18),
  /** Of a request to the API server: client-go's. */
  request: [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60],
}
