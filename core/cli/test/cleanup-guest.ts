/**
 * Takes steps in the network and mount namespace that the test has made for it, one after the other, and prints what came
 * of each as JSON: leaves behind what a dataplane makes for node-a of the sample cluster, or runs a program.
 */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { parseFlags } from '../../config/flags.ts'
import { loadDataplane } from '../../dataplane/load-dataplane.ts'
import { ipFamilies } from '../../network/address.ts'
import { readNodeTables } from '../node-tables.ts'

export type Step =
  | { readonly leave: string; readonly settings?: Readonly<Record<string, string>> }
  | { readonly run: readonly string[] }

export interface Outcome {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

const sample = fileURLToPath(new URL('../../../docs/sample-cluster.yaml', import.meta.url))

async function leave(name: string, settings: Readonly<Record<string, string>>): Promise<void> {
  const flags = { source: `file:${sample}`, node: 'node-a', nodeportAddresses: '127.0.0.0/8,192.168.50.0/24' }
  const config = parseFlags({ ...flags, clusterCidr: '10.244.0.0/16', dataplane: name }, { inCluster: false })
  const dataplane = await loadDataplane(name, { masqueradeBit: 14, settings })
  const { capabilities } = dataplane
  const say = (): void => {}
  const { builders } = await readNodeTables({
    config,
    families: ipFamilies,
    capabilities,
    addresses: 'machine',
    say,
  })
  await dataplane.start()
  for (const { family, table } of builders) {
    await dataplane.apply(dataplane.reconcile(await dataplane.observe(family), table))
  }
  await dataplane.stop()
}

async function run([file = '', ...args]: readonly string[]): Promise<Outcome> {
  try {
    return { code: 0, ...(await promisify(execFile)(file, args)) }
  } catch (error) {
    const { code, stdout = '', stderr = String(error) } = error as Partial<Outcome>
    return { code: Number(code), stdout, stderr }
  }
}

const outcomes: Outcome[] = []
for (const step of JSON.parse(process.argv[2] ?? '[]') as readonly Step[]) {
  if ('run' in step) outcomes.push(await run(step.run))
  else await leave(step.leave, step.settings ?? {})
}
process.stdout.write(JSON.stringify(outcomes))
