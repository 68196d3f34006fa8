/** The labels that parsers look at: all others of an object can be passed over. */
export const readLabels = {
  /** Its mere presence says that another proxy serves this Service (SEMANTICS 1). */
  otherProxy: 'service.kubernetes.io/service-proxy-name',
  headless: 'service.kubernetes.io/headless',
  serviceName: 'kubernetes.io/service-name',
  zone: 'topology.kubernetes.io/zone',
} as const

/** The same for annotations. */
export const readAnnotations = {
  triggerTime: 'endpoints.kubernetes.io/last-change-trigger-time',
} as const
