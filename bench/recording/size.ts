/**
 * What a recording costs: `npx node bench/recording/size.ts [SERVICES...]`. Generated clusters of 10 endpoints to a
 * Service, recorded with pseudonyms, then endpoints replaced one at a time.
 */
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ClusterRecord, parseService, parseSlice, recordKinds } from '@portolan/core/cluster'
import { anonymousRecords, Recorder, RecordingFile } from '@portolan/core/source'
import { GeneratedCluster } from '../cluster/generated-cluster.ts'
import { endpointChurned } from '../scenarios/endpoint-replaced.ts'

const endpointsPerService = 10
const events = 10_000

for (const services of process.argv.length > 2 ? process.argv.slice(2).map(Number) : [1000, 10_000]) {
  const folder = await mkdtemp(join(tmpdir(), 'portolan-bench-'))
  try {
    await measure(services, join(folder, 'cluster.rec'))
  } finally {
    await rm(folder, { recursive: true })
  }
}

async function measure(services: number, path: string): Promise<void> {
  const cluster = new GeneratedCluster({ services, endpointsPerService })
  const file = await RecordingFile.create(path)
  const recorder = new Recorder({ output: file, records: anonymousRecords(), names: 'pseudonyms' })
  for (const object of cluster.objects()) recorder.set(recordOf(object), 0)
  let cpu = process.cpuUsage()
  const cpuMs = () => {
    const { user, system } = process.cpuUsage(cpu)
    return (user + system) / 1000
  }
  for (const kind of recordKinds) recorder.synced(kind)
  await recorder.complete
  await settled(file)
  const start = await sizeOf(path)
  const perService = { bytes: Math.round(start / services), ms: (cpuMs() / services).toFixed(3) }

  cpu = process.cpuUsage()
  for (let event = 0; event < events; event++) {
    for (const object of endpointChurned(cluster, event).write ?? [])
      recorder.set(recordOf(object), performance.now())
    if (event % 100 === 99) {
      file.flush()
      await file.drained()
    }
  }
  recorder.end()
  await file.close()
  const perEvent = {
    bytes: Math.round(((await sizeOf(path)) - start) / events),
    ms: (cpuMs() / events).toFixed(3),
  }
  console.log(`${services} Services of ${endpointsPerService} endpoints`)
  console.log(`  each Service with its endpoints: ${perService.bytes} bytes, ${perService.ms} ms CPU`)
  console.log(`  each event of one endpoint:      ${perEvent.bytes} bytes, ${perEvent.ms} ms CPU`)
}

function recordOf(object: unknown): ClusterRecord {
  const { kind } = object as { readonly kind: string }
  const { record } = kind === 'Service' ? parseService(object) : parseSlice(object)
  if (record === undefined) throw new Error('the generated cluster has an object that cannot be used')
  return record
}

/** Until what is flushed is on the disk. */
async function settled(file: RecordingFile): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 1000))
  file.flush()
  await new Promise((resolve) => setTimeout(resolve, 2000))
}

async function sizeOf(path: string): Promise<number> {
  return (await stat(path)).size
}
