import { ConfigError, type ConfigProblem, describeProblem } from '../config/config-error.ts'
import { readConfigFile } from '../config/config-file.ts'
import { describeNote } from '../config/config-note.ts'
import { type ConfigReport, configReport } from '../config/config-report.ts'
import { type ResolvedConfig, resolveConfig } from '../config/resolve-config.ts'
import { loadDataplane } from '../dataplane/load-dataplane.ts'
import { exitCodes } from './user-error.ts'

/**
 * Says what a configuration file comes to, before anything runs by it. Its exit code says whether it can be used.
 *
 * @throws {ConfigFileError} for a file that holds no text
 */
export async function checkConfig(
  path: string,
  { json = false }: { readonly json?: boolean },
): Promise<void> {
  const checked = await check(path)
  if (json)
    console.log(JSON.stringify({ file: path, usable: checked.problems.length === 0, ...checked }, null, 2))
  else for (const line of describeCheck(path, checked)) console.log(line)
  if (checked.problems.length > 0) process.exitCode = exitCodes.failure
}

/** The report is empty where problems keep it from being made. */
interface CheckedConfig extends ConfigReport {
  readonly problems: readonly ConfigProblem[]
}

async function check(path: string): Promise<CheckedConfig> {
  const document = await readConfigFile(path)
  try {
    // On the node it may run in a pod: that no cluster is named here is no mistake of the file.
    const resolved = resolveConfig({}, { inCluster: true }, document)
    return { ...configReport(resolved), problems: await dataplaneProblems(resolved) }
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return { dataplane: '', used: [], ignored: document.notes, differs: [], problems: error.problems }
  }
}

/** The dataplane itself knows its options. */
async function dataplaneProblems({ config, given }: ResolvedConfig): Promise<readonly ConfigProblem[]> {
  const { dataplane, masqueradeBit, dataplaneSettings: settings } = config
  try {
    await loadDataplane(dataplane, { masqueradeBit, settings })
    return []
  } catch (error) {
    const cause = given.get('dataplaneOptions') ?? given.get('dataplane') ?? given.get('mode')
    const { message, fix } = error as Error & { readonly fix?: string }
    const place = cause?.at === undefined ? {} : { at: cause.at }
    const advice = fix === undefined ? message : `${message}; ${fix}`
    return [{ ...place, setting: cause?.setting ?? 'dataplane', value: dataplane, fix: advice }]
  }
}

function describeCheck(
  path: string,
  { dataplane, used, ignored, differs, problems }: CheckedConfig,
): string[] {
  const lines = [
    `${path} ${problems.length === 0 ? `can be used, with dataplane ${dataplane}` : "can't be used"}`,
  ]
  const part = (title: string, items: readonly string[]): void => {
    if (items.length > 0) lines.push('', title, ...items.map((item) => `  ${item}`))
  }
  part('To correct:', problems.map(describeProblem))
  const set = used.filter(({ isStandard }) => !isStandard)
  const width = Math.max(0, ...set.map(({ field }) => field.length))
  part(
    'Set:',
    set.map(({ field, value }) => `${field.padEnd(width)}  ${shown(value)}`),
  )
  part('Without effect:', ignored.map(describeNote))
  part('Different from kube-proxy:', differs.map(describeNote))
  const rest = used.length - set.length
  if (rest > 0) lines.push('', `${rest} other fields have their defaults; --json shows them.`)
  return lines
}

function shown(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}
