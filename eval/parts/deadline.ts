import type { DataplaneFactory } from '@portolan/core'

/** The same dataplane, of which any one call may take so many milliseconds, unless it is made with other deadlines. */
export function withDeadline(factory: DataplaneFactory, callMs: number): DataplaneFactory {
  const deadlines = { work: callMs, start: callMs, look: callMs, stop: callMs }
  return {
    ...factory,
    create: (options, supervision) => factory.create(options, { deadlines, ...supervision }),
  }
}
