import { atEndpoints, type Context, dotted, type Figure, figure, quantiles } from './figure.ts'

export function syncLatency(context: Context): Figure | undefined {
  const scenario = 'endpoint-replaced'
  const panels = quantiles(context, scenario, 'eventToCommit')
  return figure('sync-latency', 'Sync latency: one endpoint replaced', [scenario], panels, [
    "From the event's first byte at the process until the kernel has committed the change",
    atEndpoints(context, scenario),
    'A flat line costs the same in a cluster of any size; a line that climbs one decade per decade is proportional to the cluster.',
    dotted,
  ])
}

export function firstPacketAfterChange(context: Context): Figure | undefined {
  const scenario = 'first-packet'
  const panels = quantiles(context, scenario, 'eventToFirstPacket')
  return figure('first-packet-after-change', 'From the API server to the first packet', [scenario], panels, [
    'From the write at the API server until a new connection first reaches the new endpoint',
    atEndpoints(context, scenario),
    'It is measured on the data path, in the same way for every program.',
  ])
}
