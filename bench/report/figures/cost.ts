import { drawLinePanel } from '../line-panel.ts'
import { atEndpoints, bySize, type Context, dotted, type Figure, figure, present } from './figure.ts'

export function coldStart(context: Context): Figure | undefined {
  const panels = present([
    bySize(context, 'cold-start', 'listToCommit', 'Cold start: list to commit, p50'),
    bySize(context, 'cold-start', 'startToProgrammed', 'Cold start: process start to done, p50'),
    bySize(context, 'warm-restart', 'startToProgrammed', 'Warm restart: process start to done, p50'),
  ])
  return figure(
    'cold-start',
    'Start',
    ['cold-start', 'warm-restart'],
    panels.map((panel) => drawLinePanel(panel)),
    [
      "Cold: a node without rules, from the first byte of the API server's list, or from the start of the process, until the kernel holds all of them. Warm: a restart on what the kernel holds",
      atEndpoints(context, 'cold-start'),
      dotted,
    ],
  )
}

export function cpu(context: Context): Figure | undefined {
  const panels = present([
    bySize(context, 'endpoint-replaced', 'cpuPerChange', 'CPU per change'),
    bySize(context, 'cold-start', 'cpu', 'CPU of a cold start'),
  ])
  const drawn = panels.map((panel) => drawLinePanel(panel))
  return figure('cpu', 'CPU', ['endpoint-replaced', 'cold-start'], drawn, [
    'CPU time of the process and of the tools it started, user and system together: for one endpoint replaced, and for a whole cold start',
    atEndpoints(context, 'endpoint-replaced'),
  ])
}

export function memory(context: Context): Figure | undefined {
  const panels = present([
    bySize(context, 'cold-start', 'rssPeak', 'Resident memory of the process, peak'),
    bySize(context, 'cold-start', 'kernelMemory', "Kernel's memory for all rules"),
  ])
  return figure(
    'memory',
    'Memory',
    ['cold-start'],
    panels.map((panel) => drawLinePanel(panel)),
    [
      'What one node pays while all rules are loaded: left in the process, right in the kernel (slabs, vmalloc and per-CPU memory, so BPF maps too)',
      atEndpoints(context, 'cold-start'),
    ],
  )
}

export function kernelWork(context: Context): Figure | undefined {
  const panels = present([
    bySize(context, 'endpoint-replaced', 'operations', 'Kernel operations per change'),
    bySize(context, 'endpoint-replaced', 'bytesToKernel', 'Bytes to the kernel per change'),
  ])
  const drawn = panels.map((panel) => drawLinePanel(panel))
  return figure('kernel-work', "The kernel's side of a change", ['endpoint-replaced'], drawn, [
    'What is sent to the kernel, or to a tool, for one endpoint replaced: medians',
    atEndpoints(context, 'endpoint-replaced'),
    'A line that climbs means that the kernel is told of more than what changed.',
  ])
}
